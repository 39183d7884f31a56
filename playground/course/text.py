"""The texts of the page that lists the lessons."""

from engine.language import N_, translated

TITLE = N_("Learn: from noise to pictures in eight lessons")
NAME = N_("Learn")
LEAD = N_(
    "In each lesson you predict something, do it in a lab, and compare. A lesson takes 10 to 12 minutes; no account is needed, "
    "and you may open any step."
)

LEARN_ABOUT = N_("Eight lessons of 10 to 12 minutes: predict, do it in a lab, compare, explain.")
EXPLORE = N_("Explore")
EXPLORE_ABOUT = N_("Ten labs, numbered in a good order. Every setting is in the address.")
TEACH = N_("Teach")
TEACH_ABOUT = N_("Links that open a lesson or a lab as you want it, with controls shown, locked or hidden.")
TEACH_TITLE = N_("Teach with this playground")
TEACH_LEAD = N_(
    "Everything here is a link: a lesson, one of its steps, a lab with its settings, the place of a playhead. Nobody needs an "
    "account, and what your students answer stays in their browsers unless they join a class."
)
TEACH_LESSONS = N_("Give a lesson")
TEACH_LESSONS_ABOUT = N_(
    "Each link opens the lesson where its reader was, or at the beginning. A lesson takes 10 to 12 minutes; three make a class "
    "of forty minutes, with time for questions."
)
TEACH_LABS = N_("Give a lab")
TEACH_LABS_ABOUT = N_(
    "Set a lab as you want it and open **Share this view …** below its settings. Choose which controls can be changed, are "
    "locked or hidden, and copy the link. Settings and seeds are in it, so that all see the same images."
)
TEACH_ROOM = N_("In the classroom")
TEACH_ROOM_ABOUT = N_(
    "One machine serves a class: start it with `--public`, which limits what a visitor may start. Figures are drawn in the "
    "students' browsers, so moving a playhead costs the machine nothing. The browser's zoom makes a page readable from the "
    "last row."
)

KINDS = {
    "ask": N_("Predict"),
    "do": N_("Do"),
    "see": N_("Compare"),
    "explain": N_("Explain"),
    "check": N_("Check"),
    "try": N_("Try"),
}
"""What a reader does in a step of each kind; the rail says the same (components/src/course_progress.js)."""

translated(__name__)
