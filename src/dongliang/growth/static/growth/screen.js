// Shows the next code when this one runs out. Without script the page offers a link to load it again.
(function () {
  var screen = document.querySelector("[data-code]");
  if (!screen) { return; }
  var stale = document.querySelector(".screen-stale");

  function next() {
    var code = screen.querySelector("[data-left]");
    // A moment after the turn, so that the server's clock has passed it too.
    return code ? Number(code.dataset.left) * 1000 + 300 : 5000;
  }

  function refresh() {
    fetch(screen.dataset.code, { credentials: "same-origin", redirect: "error" })
      .then(function (answer) {
        if (!answer.ok) { throw new Error(answer.status); }
        return answer.text();
      })
      .then(function (text) {
        screen.innerHTML = text;
        stale.hidden = true;
        window.setTimeout(refresh, Math.min(next(), 10000));
      })
      .catch(function () {
        stale.hidden = false;
        window.setTimeout(refresh, 3000);
      });
  }

  window.setTimeout(refresh, Math.min(next(), 10000));
})();
