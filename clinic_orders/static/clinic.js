/* Comforts: every page works without them. ES5 (Chrome 61). Texts: data- attributes. */
(function () {
  'use strict';
  var doc = document, code = encodeURIComponent, pressed = null;
  doc.documentElement.className += ' js';

  function all(selector, within) { return [].slice.call((within || doc).querySelectorAll(selector)); }
  function on(what, name, deed) { what.addEventListener(name, deed, name === 'focus'); }
  function attr(node, name) { return node ? node.getAttribute('data-' + name) : null; }
  function fill(text, facts) { return (text || '').replace(/\{(\w+)\}/g, function (_, key) { return facts[key]; }); }
  function whole(text) { return /^\s*\d{1,9}\s*$/.test(text) ? parseInt(text, 10) : 0; }

  /* Money: a price is a whole number of ten-thousandths of a yuan, an amount a whole number of fen, rounded half up per line. */
  function amount(price, packs) { return Math.floor((price * packs + 50) / 100); }
  function yuan(fen) {
    var rest = String(fen % 100);
    return String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ',') + '.' + (rest.length < 2 ? '0' : '') + rest;
  }

  /* Lines and the running total. */
  function retell(box) {
    var packs = whole(box.value), line = attr(box, 'price') && box.closest('.item'), sum;
    box.classList.toggle('is-zero', !packs);
    if (!line) { return; }
    line.classList.toggle('item-on', packs > 0);
    sum = line.querySelector('.item-sum');
    if (sum) { sum.textContent = packs ? fill(attr(doc.body, 'yuan'), { n: yuan(amount(+attr(box, 'price'), packs)) }) : ''; }
  }
  function total(form) {
    var figure = form.querySelector('[data-total]'), words = form.querySelector('[data-counts]');
    var fen = +attr(figure, 'base'), kinds = +attr(words, 'base-kinds'), packs = +attr(words, 'base-packs');
    if (!figure) { return; }
    all('[data-price]', form).forEach(function (box) {
      var n = whole(box.value);
      if (n) { fen += amount(+attr(box, 'price'), n); kinds++; packs += n; }
    });
    figure.textContent = yuan(fen);
    if (words) { words.textContent = fill(attr(words, 'counts'), { kinds: kinds, packs: packs }); }
  }
  function changed(box, form) {
    if (box.classList.contains('stepper-num')) { retell(box); if (form) { total(form); } }
    if (form && form.draft) { form.draft.note(box); }
  }

  on(doc, 'click', function (event) {
    var button = pressed = event.target.closest('button'), box, n;
    if (!button) { return; }
    if (attr(button, 'print') !== null) { window.print(); }
    if (!button.classList.contains('stepper-btn')) { return; }
    box = button.parentNode.querySelector('.stepper-num');
    n = whole(box.value) + (button.nextElementSibling ? -1 : 1) * (+box.step || 1);
    box.value = Math.max(+box.min || 0, Math.min(+box.max || 9999, n));
    changed(box, box.form);
  });
  on(doc, 'input', function (event) {
    var box = event.target;
    if (attr(box, 'filter')) { filter(box); }
    changed(box, box.form);
  });
  on(doc, 'change', function (event) { changed(event.target, event.target.form); });
  /* "3" typed into "0" gives 3. */
  on(doc, 'focus', function (event) {
    var box = event.target;
    if (box.type === 'number') { setTimeout(function () { if (doc.activeElement === box) { box.select(); } }, 0); }
  });
  /* Enter in a number box goes on to the next box; only a button sends. */
  on(doc, 'keydown', function (event) {
    var box = event.target, boxes, next;
    if (event.keyCode !== 13 || box.type !== 'number' || !box.form) { return; }
    event.preventDefault();
    boxes = all('input[type=number]', box.form).filter(function (b) { return b === box || b.offsetParent; });
    next = boxes[boxes.indexOf(box) + 1] || box.form.querySelector('.btn-primary');
    if (next) { next.focus(); }
  });

  /* Filter as one types: data-filter names the list, data-k of each row holds its keys. */
  function filter(box) {
    var list = doc.getElementById(attr(box, 'filter')), none = doc.getElementById(attr(list, 'filter-none'));
    var words = box.value.toLowerCase().split(/\s+/), left = 0;
    if (list) { all('.item[data-k],tr[data-k],li[data-k]', list).forEach(function (row) {
      var keys = attr(row, 'k').toLowerCase();
      row.hidden = !words.every(function (word) { return keys.indexOf(word) >= 0; });
      if (!row.hidden) { left++; }
    }); }
    if (none) { none.hidden = left > 0; }
  }

  /* Drafts: first to the phone, then to the server; never submitted. held = {base: version, sent: bool, fields: {name: [old, new]}} */
  function read(key) { try { return JSON.parse(localStorage.getItem(key)); } catch (e) { return null; } }
  function value(box) { return box.type === 'checkbox' ? (box.checked ? box.value : '') : box.value; }
  function name(box) { return box.type === 'checkbox' ? box.name + '=' + box.value : box.name; }
  function typed(box) { return box.name && !/^(hidden|search|file|password|submit)$/.test(box.type); }
  function Draft(form) {
    var key = 'draft:' + attr(form, 'draft-key'), url = attr(form, 'draft-url'), version = attr(form, 'draft-version'), server = {};
    var held = { base: version, sent: false, fields: {} }, timer, busy = false, alone = false;
    var boxes = all('input,select,textarea', form).filter(typed), old = read(key), n = 0;

    function keep() {
      try {
        localStorage[Object.keys(held.fields).length ? 'setItem' : 'removeItem'](key, JSON.stringify(held));
        return true;
      } catch (e) { return false; }
    }
    function say(what) {
      var line = form.querySelector('[data-saved]'), at = new Date(), m = at.getMinutes();
      if (!line) { return; }
      line.textContent = fill(attr(form, 'draft-' + what), { time: at.getHours() + ':' + (m < 10 ? '0' : '') + m, n: n });
      line.closest('.saved').hidden = false;
    }
    function later(wait) { clearTimeout(timer); timer = setTimeout(send, wait); }
    function kept() { if (keep()) { say(navigator.onLine === false ? 'offline' : 'waiting'); } }
    function failed() { busy = false; alone = true; kept(); later(20000); }
    function send() {
      var sending = JSON.parse(JSON.stringify(held.fields)), names = Object.keys(sending);
      var body = 'version=' + code(version), call = new XMLHttpRequest(), token = form.querySelector('[name=csrf_token]');
      if (busy || held.sent || !names.length || !url) { return; }
      names.forEach(function (field) {
        var cut = field.indexOf('=');   /* A tick box "dup=7" goes out as dup[7]; not ticked, it is empty. */
        body += '&' + code(cut < 0 ? field : field.slice(0, cut) + '[' + field.slice(cut + 1) + ']') + '=' + code(sending[field][1]);
      });
      busy = true;
      call.open('POST', url);
      call.timeout = 15000;
      call.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
      if (token) { call.setRequestHeader('X-CSRFToken', token.value); }
      call.onerror = call.ontimeout = failed;
      call.onload = function () {
        var answer;
        try { answer = JSON.parse(call.responseText); } catch (e) { answer = null; }
        if (call.status !== 200 || !answer) { failed(); return; }
        busy = alone = false;
        version = held.base = String(answer.version);
        names.forEach(function (field) {
          var now = held.fields[field], there = sending[field][1];
          server[field] = there;
          if (now && now[1] === there) { delete held.fields[field]; } else if (now) { now[0] = there; }
        });
        keep();
        say('saved');
        later(800);
      };
      call.send(body);
    }
    this.note = function (box) {
      var field = name(box), there = server[field] || '';
      if (!typed(box)) { return; }
      if (value(box) === there && !busy) { delete held.fields[field]; } else { held.fields[field] = [there, value(box)]; }
      held.sent = false;
      keep();
      if (alone) { kept(); }
      later(800);
    };
    this.submitted = function () { clearTimeout(timer); held.sent = true; keep(); };
    this.again = function () { held.sent = false; };

    boxes.forEach(function (box) { if (box.type !== 'radio' || box.checked) { server[name(box)] = value(box); } });
    on(window, 'online', function () { later(0); });
    /* What the phone still holds goes only where the server has what this phone last saw; after a submit that arrived, nowhere. */
    if (old && !(old.sent && old.base !== version)) {
      Object.keys(old.fields).forEach(function (field) {
        var pair = old.fields[field], seen = server[field];
        if (seen === undefined ? old.base !== version : seen !== pair[0] || seen === pair[1]) { return; }
        held.fields[field] = pair;
        n++;
        boxes.forEach(function (box) {
          if (name(box) !== field) { return; }
          if (/^(radio|checkbox)$/.test(box.type)) { box.checked = box.value === pair[1]; } else { box.value = pair[1]; }
          if (box.classList.contains('stepper-num')) { retell(box); }
        });
      });
    }
    keep();
    if (n) { total(form); say('merged'); later(800); }
  }

  /* The pressed button says that it works; back from the next page it can be pressed again. */
  on(doc, 'submit', function (event) {
    var form = event.target, button = pressed && pressed.form === form ? pressed : null;
    if (event.defaultPrevented || form.method !== 'post') { return; }
    if (form.draft) { form.draft.submitted(); }
    if (!button || attr(form, 'busy') === 'no') { return; }
    setTimeout(function () {
      button.idle = button.innerHTML;
      button.disabled = true;
      if (button.classList.contains('btn')) { button.textContent = attr(doc.body, 'busy'); }
    }, 0);
  });
  on(window, 'pageshow', function () {
    all('button').forEach(function (button) { if (button.idle) { button.disabled = false; button.innerHTML = button.idle; button.idle = null; } });
    all('form').forEach(function (form) { if (form.draft) { form.draft.again(); } });
  });

  /* Loaded with defer: the page is complete here. */
  all('form[data-draft-key]').forEach(function (form) { form.draft = new Draft(form); });
  all('input[data-filter]').forEach(function (box) { if (box.value) { filter(box); } });
  all('.error-summary').forEach(function (box) { box.focus(); });
}());
