// Keeps the pages for when there is no network: what is asked for once is kept, and a new version of the site replaces the old one.
//
// The browser runs it by itself (build.py writes it beside the pages). Each version of the site has a store of its own.
/** @typedef {{ caches: CacheStorage, addEventListener: (kind: string, listener: (event: any) => void) => void, skipWaiting: () => Promise<void>, clients: { claim: () => Promise<void> }, registration: { scope: string } }} WorkerGlobal */

/**
 * @param {WorkerGlobal} scope @param {string} version  of the site
 * @param {string[]} files  of it, relative to the worker
 */
export function serve(scope, version, files) {
  const own = `dp-site ${scope.registration.scope} `;
  const store = () => scope.caches.open(own + version);

  scope.addEventListener("install", (event) => event.waitUntil(store().then((kept) => kept.addAll(files)).then(() => scope.skipWaiting())));

  async function tidy() {
    for (const name of await scope.caches.keys()) if (name.startsWith(own) && name !== own + version) await scope.caches.delete(name);
    await scope.clients.claim();
  }
  scope.addEventListener("activate", (event) => event.waitUntil(tidy()));

  /** @param {Request} request */
  async function answer(request) {
    const kept = await (await store()).match(request, { ignoreSearch: true });
    if (!kept) return fetch(request);
    return kept.redirected ? new Response(kept.body, { headers: kept.headers }) : kept; // a page may not be a redirected one
  }
  scope.addEventListener("fetch", (event) => {
    if (event.request.method === "GET" && event.request.url.startsWith(scope.registration.scope)) event.respondWith(answer(event.request));
  });
}
