/* A signature drawn with finger or mouse, kept as the points of a path in a hidden box. ES5; without it one signs by name. */
(function () {
  "use strict";
  var pads = document.querySelectorAll("[data-sign]");
  function prepare(pad) {
    var canvas = pad.querySelector("canvas");
    var box = pad.parentNode.querySelector("input[name='" + pad.getAttribute("data-sign") + "']");
    var pen = canvas.getContext && canvas.getContext("2d");
    var path = "", points = 0, drawing = false;
    if (!pen || !box) { return; }
    pad.hidden = false;
    pen.lineWidth = 3; pen.lineCap = "round"; pen.lineJoin = "round";
    function place(event) {
      var frame = canvas.getBoundingClientRect();
      var touch = event.touches ? event.touches[0] : event;
      return [
        Math.max(0, Math.min(canvas.width, Math.round((touch.clientX - frame.left) * canvas.width / frame.width))),
        Math.max(0, Math.min(canvas.height, Math.round((touch.clientY - frame.top) * canvas.height / frame.height)))
      ];
    }
    function begin(event) {
      var at = place(event);
      event.preventDefault();
      drawing = true;
      pen.beginPath(); pen.moveTo(at[0], at[1]);
      path += "M" + at[0] + "," + at[1];
    }
    function go(event) {
      var at;
      if (!drawing || points >= 1500) { return; }
      event.preventDefault();
      at = place(event);
      points += 1;
      pen.lineTo(at[0], at[1]); pen.stroke();
      path += "L" + at[0] + "," + at[1];
      box.value = path;
    }
    function end() { drawing = false; }
    canvas.addEventListener("mousedown", begin);
    canvas.addEventListener("mousemove", go);
    document.addEventListener("mouseup", end);
    canvas.addEventListener("touchstart", begin, { passive: false });
    canvas.addEventListener("touchmove", go, { passive: false });
    document.addEventListener("touchend", end);
    pad.querySelector("button").addEventListener("click", function () {
      pen.clearRect(0, 0, canvas.width, canvas.height);
      path = ""; points = 0; box.value = "";
    });
  }
  Array.prototype.forEach.call(pads, prepare);
}());
