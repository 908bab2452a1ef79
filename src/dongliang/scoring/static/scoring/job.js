// Looks every second how far the run is. When it has ended the page loads once more, whole. Without script the page refreshes itself.
(function () {
  var job = document.querySelector("[data-under-way]");
  if (!job) { return; }

  function look() {
    fetch(window.location.href, { credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) { throw new Error(answer.status); }
        return answer.text();
      })
      .then(function (text) {
        var now = new DOMParser().parseFromString(text, "text/html").querySelector(".job");
        if (!now || !now.hasAttribute("data-under-way")) { window.location.reload(); return; }
        if (now.innerHTML !== job.innerHTML) { job.innerHTML = now.innerHTML; }
        window.setTimeout(look, 1000);
      })
      .catch(function () { window.setTimeout(look, 5000); });
  }

  window.setTimeout(look, 500);
})();
