// Keeps this page's own files, and nothing else. The build writes the list and the version.
const files = ['./'];
const version = 'development';

// Caches belong to a whole origin; other pages on it, and copies of this one elsewhere, have their own.
const mine = `stamp-sum-see ${self.registration.scope} `;
const name = mine + version;
// A file is the same whoever asks; many hosts say "Vary: Origin", and a module is asked for with one that the list is not.
const asked = { ignoreVary: true };

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(files)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(takeOver());
});

self.addEventListener('message', (event) => {
  event.waitUntil(keep(event.data.keep));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(request.mode === 'navigate' ? page(request) : file(request));
});

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((other) => other.startsWith(mine) && other !== name).map((old) => caches.delete(old)),
  );
  await self.clients.claim();
}

/** Binaries are kept when they have been used: nobody needs all four. */
async function keep(urls) {
  const cache = await caches.open(name);
  for (const url of urls) {
    if (url.startsWith(self.registration.scope) && !(await cache.match(url, asked))) await cache.add(url);
  }
}

/** The newest page there is; without a network the one that was kept, whatever station was asked for. */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(self.registration.scope, { ...asked, cacheName: name });
    if (kept) return kept;
    throw error;
  }
}

/** Names of files change with their contents, so what is kept is never stale. */
async function file(request) {
  const cache = await caches.open(name);
  const kept = await cache.match(request, asked);
  if (kept) return kept;
  const response = await fetch(request);
  // What finds no room to be kept is shown all the same.
  if (response.ok) await cache.put(request, response.clone()).catch(() => {});
  return response;
}
