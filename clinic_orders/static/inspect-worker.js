/* Shows the pages of inspections that were taken along where there is no network. It keeps nothing by itself and sends
   nothing: pages are put into its store by the inspector's tap (inspect.js). */
'use strict';
var CACHE = 'inspections-1', WAIT = 4000;

self.addEventListener('install', function () { self.skipWaiting(); });
self.addEventListener('activate', function (event) { event.waitUntil(self.clients.claim()); });

function taken(request, page) {
  return self.caches.open(CACHE).then(function (cache) {
    return cache.match(request, { ignoreSearch: page }).then(function (found) {
      return found || (page ? cache.match(self.registration.scope + 'offline') : undefined);
    });
  });
}
function inTime(request) {
  return new Promise(function (resolve, reject) {
    self.setTimeout(reject, WAIT);
    self.fetch(request).then(resolve, reject);
  });
}

self.addEventListener('fetch', function (event) {
  var request = event.request, address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== self.location.origin) { return; }
  if (request.mode === 'navigate') {
    event.respondWith(inTime(request)['catch'](function () {
      return taken(request, true).then(function (found) { return found || self.fetch(request); });
    }));
    return;
  }
  /* Files of ours carry the hash of their content in their address: what is kept is right. */
  if (address.pathname.indexOf('/static/') === 0) {
    event.respondWith(taken(request, false).then(function (found) { return found || self.fetch(request); }));
  }
});
