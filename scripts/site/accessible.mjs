// What TypeDoc's pages lack for those who hear them or have no mouse.

/** A page with landmarks, levels of headings without gaps, and tables that a keyboard can scroll. */
export function accessible(html) {
  return withLevels(html)
    .replace('<div class="col-content">', '<div class="col-content" role="main">')
    .replace(
      '<div class="page-menu">',
      '<div class="page-menu" role="complementary" aria-label="On this page">',
    )
    .replaceAll(/<table( class="[^"]*")?>/g, '<div class="scrolls" tabindex="0"><table$1>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll(/<pre>/g, '<pre tabindex="0">')
    .replaceAll(/<summary[^>]*>[\s\S]*?<\/summary>/g, withoutLinks);
}

/** TypeDoc hides a page for half a second until its lists have come, and each of ours is to be read before that. */
const HIDING = /document\.body\.style\.display="none";setTimeout\(.*?,500\)/;

/** A page that is seen as soon as it is there. */
export function seenAtOnce(html) {
  if (!HIDING.test(html)) throw new Error('site: TypeDoc no longer hides its pages as it did');
  return html.replace(HIDING, '');
}

const SEARCH = /<script async src="([^"]+)" id="tsd-search-script">/;

/** A page that fetches what the search knows, most of its bytes and of its work, once the search opens (open-search.js). */
export function searchedLate(html) {
  if (!SEARCH.test(html)) throw new Error('site: TypeDoc no longer loads its search as it did');
  return html.replace(SEARCH, '<script data-src="$1" id="tsd-search-script">');
}

/** A heading that is deeper than the one above by more than one says which level it is. */
function withLevels(html) {
  const above = [];
  return html.replaceAll(/<h([1-6])(?=[\s>])/g, (tag, digit) => {
    const size = Number(digit);
    while ((above.at(-1)?.size ?? 0) >= size) above.pop();
    const level = (above.at(-1)?.level ?? 0) + 1;
    above.push({ size, level });
    return level === size ? tag : `${tag} aria-level="${level}"`;
  });
}

/** What opens and closes a part is a control: it holds no other one. */
function withoutLinks(summary) {
  return summary.replaceAll(/<a\s[^>]*tsd-anchor-icon[^>]*>[\s\S]*?<\/a>/g, '');
}
