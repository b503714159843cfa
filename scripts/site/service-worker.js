// Keeps the documentation for times without a network. The build writes the list and the version.
const files = ['./'];
const version = 'development';

// Caches belong to a whole origin; other pages on it, and copies of this one elsewhere, have their own.
const mine = `deconv-wasm documentation ${self.registration.scope} `;
const name = mine + version;
/** The page has a service worker of its own, and the package is fetched by what runs. */
const OTHERS = ['page/', 'package/'];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(files)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(takeOver());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { scope } = self.registration;
  if (request.method !== 'GET' || !request.url.startsWith(scope)) return;
  if (OTHERS.some((folder) => request.url.startsWith(scope + folder))) return;
  event.respondWith(newest(request));
});

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((other) => other.startsWith(mine) && other !== name).map((old) => caches.delete(old)),
  );
  await self.clients.claim();
}

/** What the host has now; without a network what was kept. */
async function newest(request) {
  const cache = await caches.open(name);
  try {
    const response = await fetch(request);
    // What finds no room to be kept is shown all the same.
    if (response.ok) await cache.put(request, response.clone()).catch(() => {});
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}
