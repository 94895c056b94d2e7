/* Scanning with the camera or from a photo, into a field that also takes a scanner gun and typing. ES5 (Chrome 61).
   Pages work without it. Texts: data- attributes of the field. Codes go into the field; only its own button sends. */
(function () {
  'use strict';
  var doc = document, FORMATS = ['code_128', 'ean_13', 'ean_8', 'qr_code', 'data_matrix'], SIDE = 1280;

  function attr(node, name) { return node.getAttribute('data-' + name) || ''; }
  function fill(text, facts) { return text.replace(/\{(\w+)\}/g, function (_, key) { return facts[key]; }); }

  /* What reads codes off a canvas: the browser's own detector, else ZXing, which is loaded when it is first needed. */
  function native() {
    var detector;
    if (!window.BarcodeDetector) { return null; }
    try { detector = new window.BarcodeDetector({ formats: FORMATS }); } catch (e) { return null; }
    return function (canvas) {
      return detector.detect(canvas).then(function (found) { return found.map(function (one) { return one.rawValue; }); });
    };
  }
  function loaded(address) {
    return new Promise(function (resolve, reject) {
      var script = doc.createElement('script');
      if (window.ZXing) { resolve(window.ZXing); return; }
      script.src = address;
      script.onload = function () { resolve(window.ZXing); };
      script.onerror = reject;
      doc.head.appendChild(script);
    });
  }
  function zxing(lib) {
    var hints = new Map(), kinds = lib.BarcodeFormat, reader = new lib.MultiFormatReader();
    hints.set(lib.DecodeHintType.POSSIBLE_FORMATS, [kinds.CODE_128, kinds.EAN_13, kinds.EAN_8, kinds.QR_CODE, kinds.DATA_MATRIX]);
    hints.set(lib.DecodeHintType.TRY_HARDER, true);
    reader.setHints(hints);
    return function (canvas) {
      var picture = new lib.BinaryBitmap(new lib.HybridBinarizer(new lib.HTMLCanvasElementLuminanceSource(canvas)));
      try { return Promise.resolve([reader.decode(picture).getText()]); } catch (e) { return Promise.resolve([]); }
    };
  }
  function reader(box) {
    var own = native(), other = function () { return loaded(attr(box, 'lib')).then(zxing); };
    if (!own) { return other(); }
    if (!window.BarcodeDetector.getSupportedFormats) { return Promise.resolve(own); }
    /* Some phones have the detector and no format that it reads. */
    return window.BarcodeDetector.getSupportedFormats().then(
      function (known) { return known.indexOf('code_128') < 0 ? other() : own; }, other);
  }

  function drawn(canvas, source, width, height) {
    var share = Math.min(1, SIDE / Math.max(width, height));
    canvas.width = Math.round(width * share);
    canvas.height = Math.round(height * share);
    canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  function Scanner(box) {
    var input = box.querySelector('input[name]'), send = box.querySelector('[type=submit]');
    var camera = box.querySelector('[data-camera]'), photo = box.querySelector('[data-photo]');
    var view = box.querySelector('[data-view]'), said = box.querySelector('[data-said]');
    var video = view.querySelector('video'), canvas = doc.createElement('canvas');
    var use = view.querySelector('[data-use]'), close = view.querySelector('[data-close]');
    var stream = null, timer = 0, got = [], last = '', lastAt = 0;

    function say(text) { said.textContent = text; said.hidden = !text; }
    /* What was refused gives way to what is scanned next. */
    function typed() { return input.getAttribute('aria-invalid') ? [] : input.value.split(/[\s,;]+/).filter(Boolean); }
    function add(code) {
      var now = Date.now(), again = got.indexOf(code) >= 0 || typed().indexOf(code) >= 0;
      /* The camera sees one pack many times a second. */
      if (code === last && now - lastAt < 2000) { lastAt = now; return; }
      last = code;
      lastAt = now;
      if (again) { say(fill(attr(box, 'twice'), { code: code })); return; }
      got.push(code);
      if (navigator.vibrate) { navigator.vibrate(60); }
      say(fill(attr(box, 'got'), { code: code, n: got.length }));
      use.hidden = false;
    }
    function into() {
      var all = typed().concat(got);
      got = [];
      input.value = all.join(' ');
      if (all.length) { send.click(); }
    }
    function stop() {
      clearTimeout(timer);
      if (stream) { stream.getTracks().forEach(function (track) { track.stop(); }); }
      stream = null;
      video.srcObject = null;
      view.hidden = true;
      camera.focus();
    }
    function start() {
      say(attr(box, 'wait'));
      navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: SIDE } } }).then(function (given) {
        stream = given;
        video.srcObject = given;
        view.hidden = false;
        use.hidden = true;
        return Promise.all([video.play(), reader(box)]);
      }).then(function (both) {
        say(attr(box, 'hold'));
        (function look() {
          if (!stream) { return; }
          if (!video.videoWidth) { timer = setTimeout(look, 200); return; }
          both[1](drawn(canvas, video, video.videoWidth, video.videoHeight)).then(function (codes) {
            codes.forEach(add);
          }, function () { return null; }).then(function () { timer = setTimeout(look, 200); });
        }());
      }).catch(function () { stop(); say(attr(box, 'refused')); });
    }
    function develop() {
      var file = photo.files[0];
      if (!file) { return; }
      say(attr(box, 'wait'));
      Promise.all([window.createImageBitmap(file), reader(box)]).then(function (both) {
        return both[1](drawn(canvas, both[0], both[0].width, both[0].height));
      }).then(function (codes) {
        photo.value = '';
        if (!codes.length) { say(attr(box, 'none')); return; }
        codes.forEach(add);
        into();
      }).catch(function () { photo.value = ''; say(attr(box, 'none')); });
    }

    if (navigator.mediaDevices && navigator.mediaDevices.getUserMedia) {
      camera.hidden = false;
      camera.addEventListener('click', start);
      close.addEventListener('click', function () { stop(); say(''); });
      use.addEventListener('click', function () { stop(); into(); });
      window.addEventListener('pagehide', function () { if (stream) { stop(); } });
    }
    if (window.createImageBitmap) {
      photo.parentNode.hidden = false;
      photo.addEventListener('change', develop);
    }
  }

  if (window.Promise && window.Map) { [].slice.call(doc.querySelectorAll('[data-scan]')).forEach(function (box) { return new Scanner(box); }); }
}());
