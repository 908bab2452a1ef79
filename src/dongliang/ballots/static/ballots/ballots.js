// Residents' pages work without this. It counts what is answered or picked, keeps a second tap from sending twice, reads
// the page aloud, and makes the type larger or changes the language without losing what is answered.
(function () {
  "use strict";
  var root = document.documentElement;
  var form = document.querySelector("form[data-questions], form[data-most], form[data-again]");
  var alert = document.querySelector("[role=alert]");
  if (alert) alert.focus();

  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
  }

  function watch() {
    var left = form.querySelector(".left");
    var button = form.querySelector(".button");
    var nonce = form.querySelector("[name=nonce]");
    var label = button.textContent;
    var sent = false;

    function count() {
      if (!left) return;
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
    // The answers are cleared after this event.
    form.addEventListener("reset", function () { setTimeout(count, 0); });
    form.addEventListener("submit", function (event) {
      if (sent) event.preventDefault();
      else settle(true);
    });
    // Coming back by the browser's arrow shows the page as it was left: with the button spent, and its number used. What
    // is sent now is another ballot.
    window.addEventListener("pageshow", function (event) {
      settle(false);
      count();
      if (event.persisted && nonce && !form.hasAttribute("data-again")) {
        nonce.value = Array.from(crypto.getRandomValues(new Uint8Array(8)), function (byte) {
          return ("0" + byte.toString(16)).slice(-2);
        }).join("");
      }
    });
  }

  // What is ticked, and what is written: [name, value] each.
  function answers() {
    if (!form) return [];
    return Array.from(form.elements).filter(function (field) {
      return field.checked || (field.tagName === "TEXTAREA" && field.value);
    }).map(function (field) { return [field.name, field.value]; });
  }

  function sizes() {
    var link = document.querySelector("[data-size]");
    if (!link) return;
    link.addEventListener("click", function (event) {
      if (!answers().length) return;
      // The server would make the page anew, and what is answered would be lost.
      event.preventDefault();
      var size = link.dataset.size;
      root.dataset.type = size;
      document.cookie = "type_size=" + size + "; path=/; max-age=31536000; samesite=lax";
      link.dataset.size = size === "large" ? "normal" : "large";
      link.textContent = link.dataset[link.dataset.size];
    });
  }

  // The server makes the page anew in the other language. What is answered waits in this tab meanwhile, and no longer.
  function languages() {
    var name = "answers " + location.pathname;
    var kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(name));
      sessionStorage.removeItem(name);
    } catch (closed) { return; }
    if (form) (kept || []).forEach(function (answer) {
      Array.from(form.elements).forEach(function (field) {
        if (field.name !== answer[0]) return;
        if (field.tagName === "TEXTAREA") field.value = answer[1];
        else if (field.value === answer[1]) {
          field.checked = true;
          var folded = field.closest("details");
          if (folded) folded.open = true;
        }
      });
    });
    document.querySelectorAll("a[hreflang]").forEach(function (link) {
      link.addEventListener("click", function () {
        var given = answers();
        if (given.length) sessionStorage.setItem(name, JSON.stringify(given));
      });
    });
  }

  function aloud() {
    var button = document.querySelector("[data-aloud]");
    if (!button || !window.speechSynthesis || !window.SpeechSynthesisUtterance) return;
    var speech = window.speechSynthesis;
    var label = button.textContent;
    var languages = { "zh-hans": "zh-CN", "zh-hant": "zh-TW", en: "en-US" };

    function stop() {
      speech.cancel();
      button.textContent = label;
    }

    function texts() {
      var parts = [];
      document.querySelectorAll("main h1, main h2, main p, main legend, main .mark-face, main .pick, main li").forEach(function (part) {
        // What is folded away or hidden is not read.
        if (part.offsetParent && part.textContent.trim()) parts.push(part.textContent.trim().replace(/\s+/g, " "));
      });
      return parts;
    }

    button.hidden = false;
    button.addEventListener("click", function () {
      if (button.textContent !== label) return stop();
      speech.cancel();
      button.textContent = button.dataset.aloud;
      var parts = texts();
      parts.forEach(function (text, place) {
        var words = new SpeechSynthesisUtterance(text);
        words.lang = languages[root.lang] || root.lang;
        words.rate = 0.9;
        if (place === parts.length - 1) words.onend = stop;
        speech.speak(words);
      });
    });
    window.addEventListener("pagehide", stop);
  }

  languages();
  if (form) watch();
  sizes();
  aloud();
}());
