/* Records of inspections on a phone without a network: what is typed, photographed and drawn stays in the phone's own
   database until the inspector sends it. Nothing is sent by itself. ES5 (Chrome 61); pages work without it. */
(function () {
  'use strict';
  var doc = document, CACHE = 'inspections-1', SIDE = 1280, QUALITY = 0.72, PLACE = 'place';

  function attr(node, name) { return node.getAttribute('data-' + name) || ''; }
  function fill(text, facts) { return text.replace(/\{(\w+)\}/g, function (_, key) { return facts[key]; }); }
  function clock() { var now = new Date(); return now.getHours() + ':' + ('0' + now.getMinutes()).slice(-2); }
  function each(list, deed) { Array.prototype.forEach.call(list, deed); }
  function chance() {
    var found = new Uint32Array(4);
    window.crypto.getRandomValues(found);
    return Array.prototype.map.call(found, function (one) { return one.toString(36); }).join('');
  }

  /* The phone's database: one draft for each visit, which holds its fields, photos, key and version. */
  function store(mode, deed) {
    return new Promise(function (resolve, reject) {
      var opening = window.indexedDB.open('inspections', 1);
      opening.onupgradeneeded = function () { opening.result.createObjectStore('drafts', { keyPath: 'number' }); };
      opening.onerror = function () { reject(opening.error); };
      opening.onsuccess = function () {
        var base = opening.result, work = base.transaction('drafts', mode), asked = deed(work.objectStore('drafts'));
        work.oncomplete = function () { base.close(); resolve(asked.result); };
        work.onabort = work.onerror = function () { base.close(); reject(work.error || asked.error); };
      };
    });
  }
  function draftOf(number) { return store('readonly', function (all) { return all.get(number); }); }
  function keep(draft) { return store('readwrite', function (all) { return all.put(draft); }); }
  function forget(number) { return store('readwrite', function (all) { return all['delete'](number); }); }
  function numbers() { return store('readonly', function (all) { return all.getAllKeys(); }); }

  /* Pages taken along. */
  function fetched(cache, address) {
    return window.fetch(address, { credentials: 'same-origin' }).then(function (answer) {
      if (answer.redirected) { throw new Error('login'); }
      if (!answer.ok) { throw new Error('failed'); }
      return cache.put(address, answer);
    });
  }
  function Along(box) {
    var said = box.querySelector('[data-said]'), visits = doc.querySelectorAll('[data-visit]');
    function say(text) { said.textContent = text; }
    function told() {
      var known = JSON.parse(window.localStorage.getItem('inspections') || 'null');
      if (known) { say(fill(attr(box, 'taken'), known)); }
    }
    box.querySelector('[data-take]').addEventListener('click', function () {
      var addresses = attr(box, 'files').split(' ').concat([attr(box, 'here'), attr(box, 'offline')]);
      each(visits, function (one) { addresses.push(attr(one, 'address')); });
      say(attr(box, 'taking'));
      window.navigator.serviceWorker.register(attr(box, 'worker')).then(function () {
        return window.caches.open(CACHE);
      }).then(function (cache) {
        return addresses.reduce(function (before, address) {
          return before.then(function () { return fetched(cache, address); });
        }, Promise.resolve());
      }).then(function () {
        window.localStorage.setItem('inspections', JSON.stringify({ n: visits.length, at: clock() }));
        told();
      }, function (fault) { say(attr(box, fault.message === 'login' ? 'login' : 'failed')); });
    });
    box.querySelector('[data-remove]').addEventListener('click', function () {
      window.localStorage.removeItem('inspections');
      window.caches['delete'](CACHE).then(function () { say(attr(box, 'removed')); });
    });
    numbers().then(function (unsent) {
      each(visits, function (one) {
        var mark = one.querySelector('[data-mine]');
        mark.hidden = unsent.indexOf(attr(one, 'visit')) < 0;
        mark.textContent = attr(one, 'unsent');
      });
    });
    told();
    box.hidden = false;
  }

  /* A photo is made smaller before it is kept: a phone's own has ten times what a record needs. */
  function smaller(file) {
    return new Promise(function (resolve, reject) {
      var reading = new window.FileReader();
      reading.onerror = reject;
      reading.onload = function () {
        var picture = new window.Image();
        picture.onerror = reject;
        picture.onload = function () {
          var share = Math.min(1, SIDE / Math.max(picture.width, picture.height)), canvas = doc.createElement('canvas');
          canvas.width = Math.max(1, Math.round(picture.width * share));
          canvas.height = Math.max(1, Math.round(picture.height * share));
          canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
          resolve(canvas.toDataURL('image/jpeg', QUALITY));
        };
        picture.src = reading.result;
      };
      reading.readAsDataURL(file);
    });
  }
  function blobOf(data) {
    var parts = data.split(','), bytes = window.atob(parts[1]), found = new Uint8Array(bytes.length), at;
    for (at = 0; at < bytes.length; at += 1) { found[at] = bytes.charCodeAt(at); }
    return new window.Blob([found], { type: /:(.*?);/.exec(parts[0])[1] });
  }

  function Pad(box, changed) {
    var canvas = box.querySelector('canvas'), pen = canvas.getContext('2d'), down = false, drawn = false;
    function wipe() { pen.fillStyle = '#fff'; pen.fillRect(0, 0, canvas.width, canvas.height); drawn = false; }
    function place(event) {
      var rim = canvas.getBoundingClientRect();
      return [(event.clientX - rim.left) * canvas.width / rim.width, (event.clientY - rim.top) * canvas.height / rim.height];
    }
    canvas.addEventListener('pointerdown', function (event) {
      var at = place(event);
      down = true;
      pen.lineWidth = 4; pen.lineCap = 'round'; pen.strokeStyle = '#111';
      pen.beginPath();
      pen.moveTo(at[0], at[1]);
      event.preventDefault();
    });
    canvas.addEventListener('pointermove', function (event) {
      var at = place(event);
      if (!down) { return; }
      pen.lineTo(at[0], at[1]);
      pen.stroke();
      drawn = true;
    });
    doc.addEventListener('pointerup', function () {
      if (down && drawn) { changed(canvas.toDataURL('image/png')); }
      down = false;
    });
    box.querySelector('button').addEventListener('click', function () { wipe(); changed(''); });
    wipe();
    box.hidden = false;
    return {
      show: function (data) {
        var picture = new window.Image();
        picture.onload = function () { pen.drawImage(picture, 0, 0); drawn = true; };
        picture.src = data;
      }
    };
  }

  function Record(form) {
    var number = attr(form, 'record'), state = doc.querySelector('[data-state]'), said = state.querySelector('[data-said]');
    var send = state.querySelector('[data-send]'), mine = state.querySelector('[data-mine]');
    var theirs = state.querySelector('[data-theirs]'), drop = state.querySelector('[data-drop]');
    var draft = { number: number, key: form.elements.key.value, version: form.elements.version.value, who: attr(form, 'who'),
                  fields: {}, photos: [], marks: {}, deed: 'save' };
    var pads = {}, timer = 0, busy = false;

    function say(text) { said.textContent = text; state.hidden = false; }
    function word(name, facts) { say(fill(attr(form, 't-' + name), facts || {})); }
    function buttons(conflict) {
      send.hidden = conflict;
      mine.hidden = theirs.hidden = !conflict;
      drop.hidden = false;
    }
    function fields() {
      var found = {};
      each(form.elements, function (box) {
        if (!box.name || box.type === 'file' || box.type === 'hidden' || box.type === 'submit') { return; }
        if ((box.type === 'radio' || box.type === 'checkbox') && !box.checked) { return; }
        found[box.name] = box.value;
      });
      return found;
    }
    function save() {
      draft.fields = fields();
      return keep(draft).then(function () { word('kept', { at: clock() }); buttons(false); }, function () { word('full'); buttons(false); });
    }
    function soon() { window.clearTimeout(timer); timer = window.setTimeout(save, 300); }
    function show(photo) {
      var box = form.querySelector('[data-kept="' + photo.code + '"]'), picture = doc.createElement('img'), off = doc.createElement('button');
      var both = doc.createElement('span');
      if (!box) { return; }
      picture.src = photo.data;
      picture.alt = photo.name;
      off.type = 'button';
      off.className = 'btn btn-text';
      off.textContent = attr(form, 't-remove');
      off.addEventListener('click', function () {
        draft.photos = draft.photos.filter(function (one) { return one !== photo; });
        box.removeChild(both);
        save();
      });
      both.appendChild(picture);
      both.appendChild(off);
      box.appendChild(both);
      box.hidden = false;
    }
    function restore(kept) {
      draft = kept;
      each(form.elements, function (box) {
        if (!box.name || box.type === 'file' || box.type === 'hidden' || box.type === 'submit') { return; }
        if (box.type === 'radio' || box.type === 'checkbox') { box.checked = kept.fields[box.name] === box.value; return; }
        if (kept.fields[box.name] !== undefined) { box.value = kept.fields[box.name]; }
      });
      kept.photos.forEach(show);
      Object.keys(kept.marks).forEach(function (code) { if (pads[code]) { pads[code].show(kept.marks[code].data); } });
      word('kept', { at: kept.at || '' });
      buttons(false);
    }

    /* Sending: first the photos, each once for its own key, then the record, once for its key. */
    function post(address, token, body) {
      return window.fetch(address, { method: 'POST', credentials: 'same-origin', body: body,
        headers: { Accept: 'application/json', 'X-CSRFToken': token } }).then(function (answer) {
        if (answer.redirected) { throw { login: true }; }
        return answer.json().then(function (told) {
          if (!answer.ok) { told.status = answer.status; throw told; }
          return told;
        });
      });
    }
    function upload(token) {
      var waiting = draft.photos.filter(function (one) { return !one.sent; });
      Object.keys(draft.marks).forEach(function (code) { if (!draft.marks[code].sent) { waiting.push(draft.marks[code]); } });
      return waiting.reduce(function (before, one, place) {
        return before.then(function () {
          var body = new window.FormData();
          word('photos', { n: place + 1, all: waiting.length });
          body.append('code', one.code);
          body.append('key', one.key);
          body.append('photo', blobOf(one.data), one.name);
          return post(attr(form, 'photos'), token, body).then(function () { one.sent = true; return keep(draft); });
        });
      }, Promise.resolve());
    }
    function record(token) {
      var body = new window.FormData();
      Object.keys(draft.fields).forEach(function (name) { body.append(name, draft.fields[name]); });
      body.append('key', draft.key);
      body.append('version', draft.version);
      body.append('do', draft.deed);
      word('sending');
      return post(form.getAttribute('action'), token, body);
    }
    function done(told) {
      return forget(number).then(function () {
        return window.caches ? window.caches.open(CACHE).then(function (cache) { return cache['delete'](window.location.pathname); }) : null;
      }).then(function () {
        word(told.again ? 'again' : 'sent', told);
        send.hidden = mine.hidden = theirs.hidden = drop.hidden = true;
        window.location.assign(told.url);
      });
    }
    function failed(fault) {
      busy = false;
      if (fault && fault.login) { word('login'); buttons(false); return; }
      if (fault && fault.other) { word('other'); buttons(false); return; }
      if (fault && fault.code === 'ChangedMeanwhile') {
        word('conflict', fault);
        buttons(true);
        mine.onclick = function () { draft.version = String(fault.version); keep(draft).then(go); };
        return;
      }
      if (fault && fault.error) { say(fault.error); buttons(false); return; }
      word('offline');
      buttons(false);
    }
    function go() {
      if (busy) { return; }
      busy = true;
      word('sending');
      window.fetch(attr(form, 'token'), { credentials: 'same-origin', headers: { Accept: 'application/json' } }).then(function (answer) {
        if (answer.redirected || !answer.ok) { throw { login: true }; }
        return answer.json();
      }).then(function (own) {
        if (String(own.who) !== String(draft.who)) { throw { other: true }; }
        return upload(own.csrf).then(function () { return record(own.csrf); });
      }).then(done).then(null, failed);
    }

    form.addEventListener('input', soon);
    form.addEventListener('change', function (event) {
      var box = event.target, code = attr(box, 'shots');
      if (!code) { soon(); return; }
      Promise.all(Array.prototype.map.call(box.files, function (file) {
        return smaller(file).then(function (data) {
          var photo = { code: code, key: chance(), name: file.name.replace(/\.\w+$/, '') + '.jpg', data: data };
          draft.photos.push(photo);
          show(photo);
        });
      })).then(function () { box.value = ''; return save(); }, function () { box.value = ''; });
    });
    form.addEventListener('submit', function (event) {
      var pressed = event.submitter || doc.activeElement;
      event.preventDefault();
      draft.deed = pressed && pressed.name === 'do' ? pressed.value : 'save';
      window.clearTimeout(timer);
      save().then(function () {
        if (window.navigator.onLine) { go(); } else { word('ready'); }
      });
    });
    send.addEventListener('click', go);
    drop.addEventListener('click', function () {
      if (window.confirm(attr(form, 't-drop'))) { forget(number).then(function () { window.location.reload(); }); }
    });
    each(form.querySelectorAll('[data-mark]'), function (box) {
      var code = attr(box, 'mark');
      pads[code] = Pad(box, function (data) {
        if (data) { draft.marks[code] = { code: code, key: chance(), name: code + '.png', data: data }; } else { delete draft.marks[code]; }
        save();
      });
    });
    draftOf(number).then(function (kept) { if (kept) { restore(kept); } });
  }

  var along = doc.querySelector('[data-along]'), form = doc.querySelector('form[data-record]');
  if (!window.indexedDB || !window.Promise || !window.fetch) { return; }
  if (along && window.navigator.serviceWorker && window.caches) { Along(along); }
  if (form) { Record(form); }
}());
