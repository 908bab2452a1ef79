// Brings the tiles up to date every ten seconds. Without script the page offers a link to load it again.
(function () {
  var wall = document.querySelector("[data-tiles]");
  if (!wall) { return; }
  var stale = document.querySelector(".wall-stale");
  var etag = "";

  function refresh() {
    fetch(wall.dataset.tiles, { headers: etag ? { "If-None-Match": etag } : {}, credentials: "same-origin", redirect: "error" })
      .then(function (answer) {
        if (answer.status === 304) { return null; }
        if (!answer.ok) { throw new Error(answer.status); }
        etag = answer.headers.get("ETag") || "";
        return answer.text();
      })
      .then(function (text) {
        if (text !== null) { wall.innerHTML = text; }
        stale.hidden = true;
      })
      .catch(function () { stale.hidden = false; });
  }

  window.setInterval(refresh, 10000);
})();
