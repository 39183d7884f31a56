"""What the Points page shows for given settings, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from engine.data.points import PointsError, PointSet
from engine.language import N_
from playground.components.payloads.points_microscope import PointsMicroscope
from playground.labs.points import decomposition, text, training
from playground.labs.points.controls import PointsControls, points_of
from playground.labs.points.training import Learning
from playground.labs.points.trajectory import Trained, stage_key
from playground.labs.shared.job import Job
from playground.labs.shared.view import JobView, Notice, job_view


@dataclass(frozen=True)
class PointsView:
    """The page without its clouds, which a job samples.

    notices: what the reader has to know first.
    data: the points; None where there are none yet.
    trained: the network that was trained on them; None where there is none.
    before: the training that another round would continue; None where it would start anew.
    key: of the clouds: where it changes, they are sampled again.
    training: the buttons and the status of the training.
    """

    notices: tuple[Notice, ...]
    data: PointSet | None
    trained: Trained | None
    before: Learning | None
    key: str
    training: JobView


def points_view(controls: PointsControls, own: PointSet | None, job: Job[Learning] | None) -> PointsView:
    """The view of these settings; `own` are the points of the reader's file, `job` the latest training."""
    try:
        data = points_of(controls, own)
    except PointsError as problem:
        return PointsView((Notice("info", str(problem)),), None, None, None, "", _training(job, None))
    trained, before = training.usable(job, controls, data), training.continued(job, controls, data)
    is_missing = trained is None and (controls.model == "trained" or controls.compare == "model")
    notices = (Notice("info", text.NOT_TRAINED),) if is_missing else ()
    return PointsView(notices, data, trained, before, stage_key(controls, data, trained), _training(job, before))


def _training(job: Job[Learning] | None, before: Learning | None) -> JobView:
    start = text.BEGIN if before is None else text.TRAIN_ON
    return job_view(None if job is None else job.state, start=f"🏋️ {start}", unit=N_("steps"), idle=text.TRAIN_EMPTY)


def microscope(
    controls: PointsControls, view: PointsView, before: PointsMicroscope | None = None
) -> PointsMicroscope | None:
    """The decomposed step of the selected particle; None where there are no points."""
    return None if view.data is None else decomposition.bench(controls, view.data, view.trained, before)
