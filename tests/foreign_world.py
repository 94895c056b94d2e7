"""What no page of the world of many lists leads to, made for the test of what is another's: papers, drafts, runs, devices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from clinic_orders.documents.letters.drafts import DRAFT_RUNS
from clinic_orders.documents.letters.runs import LETTER_RUNS
from clinic_orders.documents.paper_runs import PDF, Kind
from clinic_orders.documents.standards_runs import STANDARDS_RUNS
from clinic_orders.exchange.attachments import path_of
from clinic_orders.exchange.background_exports import file_of
from clinic_orders.models.accounts import DeviceSession, User
from clinic_orders.models.applications import Application, ApplicationFile
from clinic_orders.models.assessments import AppealFile, AssessmentAppeal, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseAttachment, CaseLetter
from clinic_orders.models.clues import Clue, ClueEvent, ClueEvidence, ClueTransfer
from clinic_orders.models.complaints import Complaint, ComplaintPhoto
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.inspections import Checklist, InspectionDraw, InspectionPlan, Visit, VisitPhoto
from clinic_orders.models.orders import Submission
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.rules.applications.facts import FileUse
from clinic_orders.rules.clues import ClueSide, ClueStep
from clinic_orders.rules.export_jobs import ExportState
from clinic_orders.rules.inspection.steps import PlanState
from clinic_orders.rules.ladder import AnswerKind
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import Role
from clinic_orders.rules.stages import Stage
from tests.crawler import Address
from tests.many_figures import stage_row
from tests.orders_in_work import NOW, World

PLAN = "JH2026-9001"


class Makes:
    """Makes the objects of the clinic and its county, and remembers the addresses that lead to them."""

    def __init__(self, instance: Path, world: World, people: dict[Role, User]) -> None:
        self.instance, self.world, self.people = instance, world, people
        self.found: dict[Role, list[Address]] = {role: [] for role in people}
        self._files = 0

    def add(self, *rows: Any) -> None:
        db.session.add_all(rows)
        db.session.flush()

    def address(self, owner: Role, endpoint: str, path: str, method: str = "GET", **fields: str) -> None:
        self.found[owner].append(Address(endpoint, method, path, (), tuple(fields.items())))

    def file(self, **more: Any) -> dict[str, Any]:
        """The columns of a file that lies in the instance folder."""
        self._files += 1
        stored_as = f"f{self._files:031x}"
        path = path_of(self.instance, stored_as)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4\n")
        return {
            "name": "材料.pdf", "media_type": "application/pdf", "size": 9, "sha256": "0" * 64, "stored_as": stored_as, **more,
        }  # fmt: skip

    def of_the_county(self) -> None:
        """Applications, complaints, transfer lists, plans, exports and runs of letters of the clinic's county."""
        self._papers_of_the_county()
        self._plan()
        self._work_behind_the_scenes()
        self.address(Role.COUNTY, "volumes.plan", f"/volumes/2026-Q4/{self.world.clinic.id}")

    def _papers_of_the_county(self) -> None:
        county = self.people[Role.COUNTY]
        application = db.session.query(Application).filter_by(number="SQ20261120-0000").one()
        application.lng, application.lat = Decimal("112.1"), Decimal("34.1")
        paper = ApplicationFile(application_id=application.id, at=NOW, **self.file(use=FileUse.OTHER))
        complaint = db.session.query(Complaint).order_by(Complaint.id).first()
        photo = ComplaintPhoto(complaint_id=complaint.id, **self.file(media_type="image/jpeg"))
        clue = db.session.query(Clue).order_by(Clue.id).first()
        event = ClueEvent(
            clue_id=clue.id,
            step=ClueStep.DISPOSE,
            side=ClueSide.OFFICER,
            at=NOW,
            by_name=county.name,
            facts={},
        )
        self.add(paper, photo, event)
        evidence = ClueEvidence(clue_id=clue.id, event_id=event.id, **self.file())
        transfer = ClueTransfer(
            number="YS2026-9001", receiver="市场监管局", issuer="嵩县医疗保障局", county_code="410325", clues=1,
            rows=[], made_at=NOW, made_by_name=county.name, form_key="foreign-transfer",
        )  # fmt: skip
        self.add(evidence, transfer)
        role = Role.COUNTY
        self.address(role, "applications.paper", f"/applications/{application.number}/files/{paper.id}")
        self.address(role, "applications.place_picture", f"/applications/{application.number}/map.svg")
        self.address(role, "complaints.photo", f"/complaints/photos/{photo.id}")
        self.address(role, "clues.evidence", f"/clues/files/{evidence.id}")
        for endpoint, rest in (("transfer", ""), ("transfer_paper", "/pdf"), ("transfer_file", "/xlsx")):
            self.address(role, f"clues.{endpoint}", f"/clues/transfers/{transfer.number}{rest}")

    def _plan(self) -> None:
        checklist = db.session.query(Checklist).one()
        plan = InspectionPlan(
            number=PLAN, form_key="foreign-plan", name="嵩县药房", first_day=NOW.date(),
            last_day=NOW.date() + timedelta(days=9), county_code="410325", office_county="410325", kinds=[],
            basis="1号文", checklist_id=checklist.id, each=2, state=PlanState.DRAFT, made_at=NOW, made_by_name="王桂兰",
        )  # fmt: skip
        self.add(plan)
        self.add(
            InspectionDraw(
                plan_id=plan.id, number=1, form_key="foreign-draw", seed="1", algorithm="sha256-1", wanted=1,
                pool=["V01"], pool_sha256="0" * 64, inspectors=[], drawn=["V01"], drawn_on=NOW.date(), drawn_at=NOW,
                drawn_by_name="王桂兰",
            )
        )  # fmt: skip
        visit = db.session.query(Visit).filter_by(number="JC2026-0001").one()
        photo = VisitPhoto(
            visit_id=visit.id, key="foreign-photo", code="", at=NOW, by_name="王桂兰",
            **self.file(media_type="image/jpeg"),
        )  # fmt: skip
        self.add(photo)
        role, here = Role.COUNTY, f"/inspections/{PLAN}"
        self.address(role, "inspections.change", f"{here}/change")
        self.address(role, "inspections.save", f"{here}/change", "POST", name="别人的", version="1")
        self.address(role, "inspections.choose", f"{here}/choose")
        self.address(role, "inspections.add", f"{here}/choose", "POST", code="V01", by="hand")
        self.address(role, "inspections.protocol", f"{here}/draws/1")
        self.address(role, "inspections.photo", f"/inspections/photos/{photo.id}")
        self.address(
            role, "inspections.take_off_photo", f"/inspections/phone/{visit.number}/photos/{photo.id}", "POST"
        )

    def _work_behind_the_scenes(self) -> None:
        county = self.people[Role.COUNTY]
        job = ExportJob(
            kind="orders", form="csv", token="e" * 32, state=ExportState.DONE, by_id=county.id, by_name=county.name,
            role=Role.COUNTY, county_code="410325", total=1, requested_at=NOW, ended_at=NOW,
        )  # fmt: skip
        self.add(job)
        self._lay(file_of(self.instance, job))
        self.address(Role.COUNTY, "export_jobs.file", f"/files/exports/{job.id}/file")
        days = {"first_day": NOW.date(), "last_day": NOW.date(), "letter_ids": []}
        place = {
            "on_day": NOW.date(),
            "place_code": "410325",
            "place": "嵩县",
            "sheets": [],
            "institution_ids": [],
        }
        self._runs("letter_runs", "/letter-runs", "letters", LETTER_RUNS, **days)
        self._runs("draft_runs", "/draft-runs", "drafts", DRAFT_RUNS, case_numbers=[], wanted={})
        self._runs("standards_runs", "/standards/runs", "sheets", STANDARDS_RUNS, **place)

    def _runs(self, area: str, folder: str, name: str, kind: Kind[Any], **columns: Any) -> None:
        """Runs of papers of the county: one is done, one waits, one broke off."""
        county = self.people[Role.COUNTY]
        states = (PaperRunState.DONE, PaperRunState.WAITING, PaperRunState.FAILED)
        runs = [
            kind.records(
                token=f"{area}-{state.value}", state=state, by_id=county.id, by_name=county.name, county_code="410325",
                total=1, requested_at=NOW, ended_at=None if state is PaperRunState.WAITING else NOW, **columns,
            )
            for state in states
        ]  # fmt: skip
        self.add(*runs)
        self._lay(kind.folder_of(self.instance, runs[0].token) / PDF)
        done, waiting, failed = (f"{folder}/{run.id}" for run in runs)
        role = Role.COUNTY
        self.address(role, f"{area}.show", done)
        self.address(role, f"{area}.file", f"{done}/{name}.pdf")
        self.address(role, f"{area}.cancel", f"{waiting}/cancel", "POST")
        self.address(role, f"{area}.retry", f"{failed}/retry", "POST")

    @staticmethod
    def _lay(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"-")

    def of_the_clinic(self) -> None:
        """Appeals, answers, trainings, drafts, stages and devices of the clinic."""
        clinic, person = self.world.clinic, self.people[Role.INSTITUTION]
        sheet = db.session.query(AssessmentSheet).filter_by(institution_id=clinic.id).one()
        appeal = AssessmentAppeal(
            sheet_id=sheet.id,
            text="有异议",
            form_key="foreign-appeal",
            filed_at=NOW,
            filed_by_name=person.name,
        )
        letter = db.session.query(CaseLetter).order_by(CaseLetter.id).first()
        answer = CaseAnswer(
            case_id=letter.case_id, letter_id=letter.id, kind=AnswerKind.ANSWER, text="已改正", at=NOW,
            by_name=person.name, form_key="foreign-answer",
        )  # fmt: skip
        training = db.session.query(TrainingRecord).order_by(TrainingRecord.id).first()
        paper = self.file()
        training.file_name, training.media_type = paper["name"], paper["media_type"]
        training.sha256, training.stored_as = paper["sha256"], paper["stored_as"]
        item = self.world.items[0]
        figures = [None, *([0] * 9), None, Stage.ORDER.value]
        stages = stage_row(clinic.id, detail=[[item.id, *figures]])
        sent = Submission(
            key="foreign-key", ordering_id=clinic.id, institution_id=clinic.id, user_id=person.id, at=NOW,
            result={"orders": [], "refused": []},
        )  # fmt: skip
        self.add(appeal, answer, stages, sent)
        appealed = AppealFile(appeal_id=appeal.id, **self.file())
        answered = CaseAttachment(answer_id=answer.id, **self.file())
        self.add(appealed, answered)
        role, here = Role.INSTITUTION, f"/stages/{clinic.id}/2026-01-01_2026-12-31"
        self.address(
            role, "assessments.appeal_file", f"/assessments/2026/sheets/{sheet.id}/files/{appealed.id}"
        )
        self.address(role, "cases.attachment", f"/letters/files/{answered.id}")
        self.address(role, "trainings.paper", f"/trainings/{training.id}/paper")
        self.address(role, "stages.show", here)
        self.address(role, "stages.papers", f"{here}/{item.item_code}/ordered")
        self.address(role, "ordering.sent", "/order/sent/foreign-key")
        self.address(role, "ordering.review", f"/order/review/{clinic.code}")
        self.address(role, "ordering.check_review", f"/order/review/{clinic.code}", "POST", payer="receiver")

    def of_persons(self) -> None:
        """Devices on which people are logged in; they are nobody else's, not the city's either."""
        for role, person in self.people.items():
            device = DeviceSession(
                user_id=person.id, token_digest=f"{role.value:0>64}", epoch=1, started_at=NOW
            )
            self.add(device)
            self.address(role, "devices.end", f"/account/devices/{device.id}/end", "POST")


def make_foreign(instance: Path, world: World, people: dict[Role, User]) -> dict[Role, list[Address]]:
    """The objects, and by their owner the addresses that lead to them."""
    made = Makes(instance, world, people)
    made.of_the_county()
    made.of_the_clinic()
    made.of_persons()
    db.session.commit()
    return made.found
