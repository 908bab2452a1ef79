// Residents' pages work without this. It counts what is answered or picked, and keeps a second tap from sending twice.
(function () {
  "use strict";
  var form = document.querySelector("form[data-questions], form[data-most]");
  if (!form) return;
  var left = form.querySelector(".left");
  var button = form.querySelector(".button");
  var label = button.textContent;
  var sent = false;

  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
  }

  function count() {
    var n = form.querySelectorAll("input:checked").length;
    if (form.dataset.questions) {
      var open = form.dataset.questions - n;
      left.textContent = open ? fill(left.dataset.left, { n: open }) : left.dataset.none;
    } else {
      var most = Number(form.dataset.most);
      left.textContent = fill(n > most ? left.dataset.over : left.dataset.picked, { n: n, most: most, over: n - most });
    }
  }

  function settle(busy) {
    sent = busy;
    button.textContent = busy ? button.dataset.busy : label;
    if (busy) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  form.addEventListener("change", count);
  form.addEventListener("submit", function (event) {
    if (sent) event.preventDefault();
    else settle(true);
  });
  var alert = document.querySelector("[role=alert]");
  if (alert) alert.focus();
  // Coming back by the browser's arrow shows the page as it was left: with the button spent.
  window.addEventListener("pageshow", function () { settle(false); count(); });
}());
