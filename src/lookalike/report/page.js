"use strict";
(function () {
  // Samples over time: one picture a moment, all in the page already.
  var player = document.querySelector(".player");
  var slider = player && player.querySelector("input");
  if (slider) {
    var shots = player.querySelectorAll("img");
    var button = player.querySelector("button");
    var told = player.querySelector("output");
    var timer = 0;
    var show = function (index) {
      shots.forEach(function (shot, at) { shot.hidden = at !== index; });
      slider.value = index;
      told.textContent = shots[index].dataset.seen + " images";
    };
    var stop = function () {
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
    };
    var play = function () {
      var last = shots.length - 1;
      if (Number(slider.value) === last) show(0);
      button.textContent = "Pause";
      timer = setInterval(function () {
        var next = Number(slider.value) + 1;
        show(next);
        if (next >= last) stop();
      }, Math.max(90, Math.min(400, 6000 / shots.length)));
    };
    button.addEventListener("click", function () { timer ? stop() : play(); });
    slider.addEventListener("input", function () { stop(); show(Number(slider.value)); });
    // Once, when it comes into view, for those who have not asked for less motion.
    if ("IntersectionObserver" in window && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      var watch = new IntersectionObserver(function (seen) {
        if (seen[0].isIntersecting) { watch.disconnect(); if (!timer) play(); }
      }, { threshold: 0.6 });
      watch.observe(player);
    }
  }
  document.querySelectorAll(".copy").forEach(function (button) {
    button.addEventListener("click", function () {
      var code = button.parentElement.querySelector("code");
      var done = function () {
        button.textContent = "Copied";
        setTimeout(function () { button.textContent = "Copy"; }, 1500);
      };
      var select = function () { getSelection().selectAllChildren(code); };
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, select);
      else select();
    });
  });
})();
