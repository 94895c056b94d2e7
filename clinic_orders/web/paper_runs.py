"""What the pages of all runs of papers share: the list, how far one is, its files, cancelling, going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.paper_runs import cancel_run, retry_run
from clinic_orders.documents.paper_runs import PDF, ZIP, Kind
from clinic_orders.models.paper_runs import PaperRun
from clinic_orders.queries.paper_runs import RunList, RunsWanted
from clinic_orders.rules.background import Step
from clinic_orders.rules.paper_runs import KEPT, PAPER_RUN, PaperRunState
from clinic_orders.rules.parties import Permission
from clinic_orders.web.guards import actor, at, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order

SHAPES: Final = {
    PaperRunState.WAITING: "wait",
    PaperRunState.PRINTING: "wait",
    PaperRunState.DONE: "ok",
    PaperRunState.FAILED: "bad",
    PaperRunState.CANCELLED: "off",
}
# Seconds after which the page of a run on its way looks again.
_AGAIN: Final = 5
_FILES: Final = {"pdf": (PDF, "application/pdf"), "zip": (ZIP, "application/zip")}

R = TypeVar("R", bound=PaperRun)


@dataclass(frozen=True, slots=True)
class RunPages(Generic[R]):
    """The pages of the runs of one kind; each begins with looking who may see what.

    Attributes:
        listed: the list.
        kind: how they are made, and where their files lie.
        name: of the files that are fetched, ASCII.
        columns: of the list as a file.

    """

    listed: RunList[R]
    kind: Kind[R]
    name: str
    columns: Sequence[Column]

    def found(self, number: int) -> R:
        """One run; 404 where the person may not see it."""
        run = self.listed.find(number, actor())
        if run is None:
            abort(404)
        return run

    def _asked(self) -> tuple[RunsWanted, str]:
        states = {state.value: state for state in PaperRunState}
        wanted = RunsWanted(request.args.get("q", "").strip()[:64], states.get(request.args.get("state", "")))
        return wanted, sort_order(self.listed.sorts, "-at")

    def as_file(self) -> Response:
        """The list as a file."""
        wanted, sort = self._asked()
        return as_file(self.kind.folder, self.columns, self.listed.rows(actor(), wanted, sort=sort))

    def list_values(self) -> dict[str, Any]:
        """What the template of the list needs."""
        wanted, sort = self._asked()
        cut = page_cut(self.listed.count(actor(), wanted))
        return {
            "rows": self.listed.rows(actor(), wanted, sort=sort, offset=cut.offset, limit=cut.limit),
            "page": cut,
            "sort": sort,
            "words": wanted.words,
            "state": wanted.state,
            "states": list(PaperRunState),
            "shapes": SHAPES,
        }

    def _folder(self, run: R) -> Path:
        return self.kind.folder_of(current_app.extensions["settings"].instance, run.token)

    def show(self, number: int, template: str, **more: Any) -> Response:
        """One run: how far it is, or its files. Looks again by itself until it has ended."""
        run = self.found(number)
        is_open = run.state in PAPER_RUN.open
        again = is_open and "still" not in request.args
        files = [
            (form, (self._folder(run) / name).stat().st_size)
            for form, (name, _media) in _FILES.items()
            if run.state is PaperRunState.DONE and (self._folder(run) / name).is_file()
        ]
        response = Response(
            render_template(
                template,
                run=run,
                shape=SHAPES[run.state],
                is_open=is_open,
                share=100 * run.made // run.total,
                again=_AGAIN if again else 0,
                files=files,
                days=KEPT.days,
                can_cancel=PAPER_RUN.is_possible(Step.CANCEL, run.state),
                can_retry=PAPER_RUN.is_possible(Step.RETRY, run.state),
                **more,
            )
        )
        if again:
            response.headers["Refresh"] = str(_AGAIN)
        return response

    def file(self, number: int, form: str) -> Response:
        """The papers of a run in one file."""
        run = self.found(number)
        if form not in _FILES or run.state is not PaperRunState.DONE:
            abort(404)
        name, media = _FILES[form]
        path = self._folder(run) / name
        if not path.is_file():
            abort(404)
        response = send_file(
            path,
            mimetype=media,
            as_attachment=True,
            download_name=f"{self.name}-{run.id}.{form}",
            max_age=0,
        )
        # Nothing between the office and the person keeps what others may not see.
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def add_deeds(self, blueprint: Blueprint, permission: Permission, *, papers: str, cancelled: str) -> None:
        """Give a blueprint the addresses that are alike for all kinds: a run's files, cancelling it, letting it go on.

        Args:
            blueprint: of the kind.
            permission: to see its runs at all.
            papers: the word for them in the address of a file.
            cancelled: msgid of what is said behind a run that was cancelled.

        """

        @blueprint.get(f"/<int:number>/{papers}.<form>")
        @needs(permission)
        def file(number: int, form: str) -> Response:
            """The papers of a run in one file."""
            return self.file(number, form)

        @blueprint.post("/<int:number>/cancel")
        @needs(permission)
        def cancel(number: int) -> AnyResponse:
            """Cancel a run, and show it."""
            cancel_run(self.kind.records, self.found(number).id, by=actor(), at=at())
            flash(gettext(cancelled), "ok")
            return redirect(url_for(".show", number=number))

        @blueprint.post("/<int:number>/retry")
        @needs(permission)
        def retry(number: int) -> AnyResponse:
            """Let a run that broke off go on, and show it."""
            retry_run(self.kind.records, self.found(number).id, by=actor(), at=at())
            flash(gettext("The run goes on where it broke off."), "ok")
            return redirect(url_for(".show", number=number))
