// Fetches what the search knows once it opens: it is most of the bytes of a page and of its work, and most readers of
// a page look for nothing.

{
  const script = document.getElementById('tsd-search-script');
  const status = document.getElementById('tsd-search-status');
  const words = document.getElementById('tsd-search-input');
  // However it opens, it takes the focus.
  words.addEventListener('focus', () => {
    if (script.src === '') script.src = script.dataset.src;
  });
  // It says that it prepares itself until it is ready; what has been typed meanwhile is then looked for.
  new MutationObserver((_, observer) => {
    if (status.textContent !== '') return;
    observer.disconnect();
    if (words.value !== '') words.dispatchEvent(new Event('input'));
  }).observe(status, { childList: true });
}
