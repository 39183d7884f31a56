"""What comes with the HTML of every page: its first picture, which stays until Gradio has put up all of its parts.

Gradio shows a page's parts in the order in which their programs come, and opens the settings at last: all that moves meanwhile
is not drawn.
"""

from __future__ import annotations

from playground.gradio_ui.page import SIDEBAR
from playground.serving import first_paint

_STYLE = f"""
body {{ --dp-first-settings: {SIDEBAR}px; --dp-first-top: 4.2rem; --dp-first-side: 2rem; }}
body.dp-begun .dp-first {{ display: none; }}
body:not(.dp-begun) .gradio-container {{ visibility: hidden; }}
.gradio-container .sidebar-parent {{ transition: none; }}
@media (max-width: 767px) {{ body {{ --dp-first-top: 6rem; --dp-first-side: 1rem; }} }}
"""
_BEGIN = """
(() => {
  const isThere = () => document.querySelector(".dp-title h1, .dp-message")
    && !document.querySelector("[data-testid=status-tracker] .loading") && SIDEBAR;
  const watch = new MutationObserver(() => { if (isThere()) begin(); });
  const begin = () => { watch.disconnect(); requestAnimationFrame(() => document.body.classList.add("dp-begun")); };
  watch.observe(document.documentElement, { subtree: true, childList: true, attributes: true });
  setTimeout(begin, 15000);  // what is there after that is shown, whatever it is
})();
"""


def insert(path: str) -> str:
    """What stands at the beginning of the <body> of the page at this path, for `playground.serving.first_paint`."""
    settings = (
        'document.querySelector(innerWidth < 768 ? ".sidebar-parent" : ".sidebar-parent .sidebar.open")'
        if first_paint.is_lab(path)
        else "true"
    )
    begin = _BEGIN.replace("SIDEBAR", settings)
    return f"<style>{first_paint.STYLE}{_STYLE}</style><script>{begin}</script>{first_paint.markup(path)}"
