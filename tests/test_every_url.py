"""Every address × every role: who gets the page, who is refused, for whom the row is not there."""

import datetime
import re
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.timezone import now

from dongliang.awards.actions.commending import (
    certify_commendation,
    decide_commendation,
    propose_commendation,
    set_honour_title,
)
from dongliang.awards.actions.deciding import propose_change
from dongliang.awards.actions.feedback import release_feedback
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import (
    answer_objection,
    confirm_list,
    issue_certificates,
    receive_objection,
)
from dongliang.awards.models import Commendation, HonourList, ListChange
from dongliang.ballots import codes, keys, passes
from dongliang.ballots.models import Comment, PaperBatch
from dongliang.growth import codes as turning
from dongliang.growth.models import Material, Move, Question
from dongliang.mentoring.models import Visit
from dongliang.mentoring.roster import preview_roster
from dongliang.people.models import Tenure
from dongliang.people.roster.workbook import roster_workbook
from dongliang.projects.models import FirstThing
from dongliang.review.models import Assignment, Photo, Source
from dongliang.scoring.actions import run_scoring
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Season
from dongliang.turnover.models import Adviser, Handover
from tests.factories.ballots import make_flag
from tests.factories.growth import (
    make_attendance,
    make_course,
    make_path,
    make_proposal,
    make_report,
    make_seat,
    make_session,
)
from tests.factories.mentoring import make_coaching
from tests.factories.review import make_photo
from tests.factories.scoring import make_closed_world
from tests.factories.season import World, make_world
from tests.factories.turnover import make_turnover

pytestmark = pytest.mark.django_db(transaction=True)

# The mentor coaches the secretary; the first subdistrict is theirs, and its office is "subdistrict". The others are
# from elsewhere in the district; "stranger" is the office of another district.
ROLES = (
    "nobody office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary stranger"
).split()

# What each role gets, in that order: + the page, > sent on, S to the sign-in page, x refused (403), - not there (404),
# i asked to sign in, as a script is (401).
# The rows asked for are the first secretary's, the first mentor's, the first subdistrict's.
READING = """
portal:front                 +  +  +  +  +  +  +  +  +  +
portal:honours               +  +  +  +  +  +  +  +  +  +
portal:result_book           +  +  +  +  +  +  +  +  +  +
portal:ballot_ledger         +  +  +  +  +  +  +  +  +  +
portal:rules                 +  +  +  +  +  +  +  +  +  +
portal:rule_book_file        +  +  +  +  +  +  +  +  +  +
portal:preset_file           S  +  x  x  x  x  x  x  x  x
portal:revise_rules          S  +  x  x  x  x  x  x  x  x
portal:desk                  S  +  +  +  >  >  >  >  >  +
portal:secretaries           S  +  +  +  x  +  +  +  +  +
portal:export                S  +  +  +  x  +  +  +  +  -
portal:my_page               S  -  -  -  x  -  -  >  >  -
portal:secretary             S  +  +  -  x  +  -  +  -  -
people:sign_in               +  >  >  >  >  >  >  >  >  >
people:password              S  +  +  +  +  +  +  +  +  +
people:activate              g  g  g  g  g  g  g  g  g  g
people:accounts              S  +  x  x  x  x  x  x  x  +
people:new_account           S  +  x  x  x  x  x  x  x  +
people:account               S  +  x  x  x  x  x  x  x  -
mentoring:roster             S  +  x  x  x  x  x  x  x  +
mentoring:roster_template    S  +  x  x  x  x  x  x  x  +
mentoring:roster_export      S  +  x  x  x  x  x  x  x  -
mentoring:roster_import      S  +  x  x  x  x  x  x  x  -
mentoring:roster_accounts    S  +  x  x  x  x  x  x  x  +
mentoring:pairs              S  +  +  +  x  +  +  +  +  +
mentoring:pairs_export       S  +  +  +  x  +  +  +  +  -
mentoring:pair               S  +  +  -  x  +  -  +  -  -
mentoring:end_pair           S  +  x  -  -  x  -  x  -  -
mentoring:agreement          S  +  +  -  -  +  -  +  -  -
mentoring:agreement_file     S  +  +  -  x  +  -  +  -  -
mentoring:new_visit          S  x  x  -  -  +  -  +  -  -
mentoring:mentors            S  +  +  +  x  +  +  +  +  +
mentoring:mentors_export     S  +  +  +  x  +  +  +  +  -
mentoring:mentor             S  +  +  -  x  +  -  +  -  -
mentoring:mentees            S  +  +  +  x  +  +  +  +  +
mentoring:mentees_export     S  +  +  +  x  +  +  +  +  -
mentoring:mentee             S  +  +  -  x  +  -  +  -  -
mentoring:profiles           S  +  x  x  x  x  x  x  x  -
mentoring:profiles_file      S  +  x  x  x  x  x  x  x  -
mentoring:profile_import     S  +  x  x  x  x  x  x  x  -
mentoring:proposals          S  +  x  x  x  x  x  x  x  -
mentoring:proposal           S  +  x  x  x  x  x  x  x  -
mentoring:proposal_export    S  +  x  x  x  x  x  x  x  -
mentoring:visits             S  +  +  +  x  +  +  +  +  +
mentoring:visits_export      S  +  +  +  x  +  +  +  +  -
mentoring:visit              S  +  +  -  x  +  -  +  -  -
mentoring:studios            S  +  +  +  x  +  +  +  +  +
mentoring:studios_export     S  +  +  +  x  +  +  +  +  -
mentoring:calendar           S  +  +  +  x  +  +  +  +  +
mentoring:calendar_export    S  +  +  +  x  +  +  +  +  -
mentoring:questions          S  +  +  +  x  +  +  +  +  +
mentoring:questions_export   S  +  +  +  x  +  +  +  +  -
mentoring:groups             S  +  +  +  x  +  +  +  +  +
mentoring:groups_export      S  +  +  +  x  +  +  +  +  -
mentoring:studio             S  +  +  +  x  +  +  +  +  -
mentoring:gathering          S  +  +  +  x  +  +  +  +  -
mentoring:question           S  +  +  +  x  +  +  +  +  -
mentoring:output             S  +  +  +  x  +  +  +  +  -
mentoring:output_file        S  +  +  +  x  +  +  +  +  -
mentoring:group              S  +  +  +  x  +  +  +  +  -
mentoring:new_studio         S  +  +  +  x  x  x  x  x  x
mentoring:edit_studio        S  +  +  x  x  +  x  x  x  -
mentoring:new_studio_session S  +  +  x  x  +  x  +  x  -
mentoring:new_case           S  +  +  x  x  +  x  +  x  -
mentoring:new_group          S  +  x  x  x  x  x  x  x  x
mentoring:edit_group         S  +  x  x  x  +  x  x  x  -
mentoring:new_group_session  S  +  x  x  x  +  x  x  +  -
mentoring:new_output         S  +  x  x  x  +  x  x  +  -
mentoring:phone              S  +  +  +  +  +  +  +  +  +
mentoring:phone_pairs        i  +  +  +  +  +  +  +  +  +
mentoring:phone_hello        i  +  +  +  +  +  +  +  +  +
mentoring:phone_worker       +  +  +  +  +  +  +  +  +  +
mentoring:phone_manifest     +  +  +  +  +  +  +  +  +  +
mentoring:visit_photo        S  +  -  -  -  +  -  +  -  -
projects:list                S  +  +  +  x  +  +  +  +  +
projects:export              S  +  +  +  x  +  +  +  +  -
projects:register            S  x  x  x  x  x  x  >  >  x
projects:project             S  +  +  -  -  +  -  +  -  -
projects:edit                S  +  +  -  -  x  -  +  -  -
projects:nominate            S  +  +  -  -  x  -  x  -  -
growth:training              S  +  +  +  x  +  +  +  +  +
growth:training_export       S  +  +  +  x  +  +  +  +  -
growth:new_course            S  +  x  x  x  x  x  x  x  x
growth:course                S  +  +  +  x  +  +  +  +  -
growth:edit_course           S  +  x  x  x  x  x  x  x  -
growth:new_session           S  +  x  x  x  x  x  x  x  -
growth:new_material          S  +  x  x  x  x  x  x  x  -
growth:material              S  +  +  +  x  +  +  +  +  -
growth:quiz                  S  x  x  x  x  x  x  +  +  -
growth:questions             S  +  x  x  x  x  x  x  x  -
growth:practice              S  x  x  x  x  x  x  +  +  -
growth:practices             S  +  +  +  x  x  x  x  x  -
growth:practices_export      S  +  +  +  x  x  x  x  x  -
growth:session               S  +  +  +  x  +  +  +  +  -
growth:session_export        S  +  +  +  x  x  x  x  x  -
growth:edit_session          S  +  x  x  x  x  x  x  x  -
growth:tick                  S  +  x  x  x  x  x  x  x  -
growth:sheet                 S  +  x  x  x  x  x  x  x  -
growth:projector             S  +  x  x  x  x  x  x  x  -
growth:projector_code        S  +  x  x  x  x  x  x  x  -
growth:feedback              S  x  x  x  x  x  x  +  +  -
growth:here                  S  x  x  x  x  x  x  +  +  -
growth:hours                 S  +  +  +  x  +  +  +  +  +
growth:hours_export          S  +  +  +  x  +  +  +  +  -
growth:subdistricts_year     S  +  +  +  x  x  x  x  x  +
growth:subdistricts_year_export S +  +  +  x  x  x  x  x  -
growth:person_year           S  +  +  -  x  +  -  +  -  -
growth:person_year_export    S  +  +  -  x  +  -  +  -  -
growth:new_credit            S  +  x  -  x  x  -  x  -  -
growth:people                S  +  +  +  x  +  +  +  +  +
growth:people_export         S  +  +  +  x  +  +  +  +  -
growth:mine                  S  >  >  >  x  >  >  >  >  >
growth:talent_map            S  +  +  +  x  x  x  x  x  +
growth:talent_export         S  +  +  +  x  x  x  x  x  -
growth:reserve               S  +  +  +  x  x  x  x  x  +
growth:reserve_export        S  +  +  +  x  x  x  x  x  -
growth:person                S  +  +  -  x  +  -  +  -  -
growth:opinion               S  +  x  -  x  +  -  x  -  -
growth:step                  S  +  x  -  x  x  -  x  -  -
growth:decide                S  +  x  -  x  x  -  x  -  -
turnover:elections           S  +  x  x  x  x  x  x  x  +
turnover:election            S  +  x  x  x  x  x  x  x  -
turnover:changes_export      S  +  x  x  x  x  x  x  x  -
turnover:handovers           S  +  +  +  x  x  x  +  x  +
turnover:handovers_export    S  +  +  +  x  x  x  +  x  +
turnover:handover            S  +  +  -  -  -  -  +  -  -
turnover:handover_file       S  +  +  -  -  -  -  +  -  -
turnover:new_item            S  x  x  -  -  -  -  x  -  -
turnover:item                S  x  x  -  -  -  -  x  -  -
turnover:posts               S  +  +  +  x  x  x  x  x  +
turnover:posts_export        S  +  +  +  x  x  x  x  x  +
turnover:post                S  +  +  -  -  -  -  +  -  -
turnover:end_tenure          S  +  x  -  -  -  -  x  -  -
turnover:begin_tenure        S  +  x  -  -  -  -  x  -  -
turnover:advisers            +  +  +  +  +  +  +  +  +  +
turnover:adviser             +  +  +  +  +  +  +  +  +  +
turnover:adviser_board       S  +  x  x  x  x  x  x  x  +
turnover:advisers_export     S  +  x  x  x  x  x  x  x  +
turnover:edit_adviser        S  +  x  x  x  x  x  x  x  -
review:sheets                S  >  +  +  +  +  +  x  x  >
review:sheet                 S  +  -  -  -  +  -  -  -  -
review:board                 S  +  x  x  x  x  x  x  x  +
review:assessor              S  +  x  x  x  x  x  x  x  -
review:avoidances            S  +  x  x  x  x  x  x  x  +
review:export_avoidances     S  +  x  x  x  x  x  x  x  -
review:conflicts             S  +  x  x  x  +  +  +  +  +
review:everybody_staffed     S  +  x  x  x  x  x  x  x  +
review:export_staffing       S  +  x  x  x  x  x  x  x  -
review:staffing              S  +  x  x  x  x  x  x  x  -
review:release               S  +  x  x  x  x  x  x  x  -
review:waiting               S  +  x  x  x  x  x  x  x  +
review:export_waiting        S  +  x  x  x  x  x  x  x  -
review:institutions          S  +  x  x  x  x  x  x  x  +
review:export_institutions   S  +  x  x  x  x  x  x  x  -
review:institution           S  +  +  -  -  -  -  -  -  -
review:institution_workbook  S  x  +  -  -  -  -  -  -  -
review:return                S  x  +  -  -  -  -  -  -  -
review:photo                 S  +  -  -  -  +  -  -  -  -
review:field                 S  +  +  +  +  +  +  +  +  +
review:field_sheets          i  +  +  +  +  +  +  +  +  +
review:field_hello           i  +  +  +  +  +  +  +  +  +
review:field_worker          +  +  +  +  +  +  +  +  +  +
review:field_manifest        +  +  +  +  +  +  +  +  +  +
ballots:enter                +  +  +  +  +  +  +  +  +  +
ballots:receipt              +  +  +  +  +  +  +  +  +  +
ballots:here                 +  +  +  +  +  +  +  +  +  +
ballots:phone                +  +  +  +  +  +  +  +  +  +
ballots:phone_code           +  +  +  +  +  +  +  +  +  +
ballots:wechat               +  +  +  +  +  +  +  +  +  +
ballots:wechat_return        +  +  +  +  +  +  +  +  +  +
ballots:hand_over            +  +  +  +  +  +  +  +  +  +
ballots:proof                +  +  +  +  +  +  +  +  +  +
ballots:archive              +  +  +  +  +  +  +  +  +  +
ballots:rate                 +  +  +  +  +  +  +  +  +  +
ballots:pick                 +  +  +  +  +  +  +  +  +  +
ballots:thanks               -  -  -  -  -  -  -  -  -  -
ballots:change               >  >  >  >  >  >  >  >  >  >
ballots:on_to_projects       >  >  >  >  >  >  >  >  >  >
ballots:former_thanks        >  >  >  >  >  >  >  >  >  >
ballots:rounds               S  +  +  +  x  x  x  x  x  +
ballots:cards                S  +  +  -  x  x  x  x  x  -
ballots:poster               S  +  +  -  x  x  x  x  x  -
ballots:posters              S  +  +  +  x  x  x  x  x  >
ballots:paper_ballots        S  +  +  -  x  x  x  x  x  -
ballots:assisted             S  +  +  -  x  x  x  x  x  -
ballots:batches              S  +  +  +  x  x  x  x  x  >
ballots:batch                S  +  +  -  x  x  x  x  x  -
ballots:key                  S  +  -  -  x  x  x  x  x  -
ballots:statements           S  +  x  x  x  x  x  x  x  x
ballots:flags                S  +  x  x  x  x  x  x  x  +
ballots:flag                 S  +  x  x  x  x  x  x  x  -
ballots:comments             S  +  x  x  x  x  x  x  x  +
ballots:comments_export      S  +  x  x  x  x  x  x  x  -
ballots:sample               S  +  +  +  x  x  x  x  x  +
ballots:visiting_list        S  +  x  x  x  x  x  x  x  -
ballots:wall                 S  +  +  +  x  x  x  x  x  +
ballots:wall_tiles           S  +  +  +  x  x  x  x  x  +
scoring:runs                 S  +  x  x  x  x  x  x  x  +
scoring:run                  S  +  x  x  x  x  x  x  x  -
scoring:job                  S  +  x  x  x  x  x  x  x  -
scoring:document             S  +  x  x  x  x  x  x  x  -
scoring:export               S  +  x  x  x  x  x  x  x  -
scoring:sources              S  +  x  x  x  x  x  x  x  -
scoring:sources_export       S  +  x  x  x  x  x  x  x  -
awards:trace                 S  +  x  x  x  x  x  x  x  -
awards:lists                 S  +  x  x  x  x  x  x  x  +
awards:list                  S  +  x  x  x  x  x  x  x  -
awards:export                S  +  x  x  x  x  x  x  x  -
awards:certificates_file     S  +  x  x  x  x  x  x  x  -
awards:revoke                S  +  x  x  x  x  x  x  x  -
awards:commendations         S  +  x  x  x  x  x  x  x  +
awards:commendations_file    S  +  x  x  x  x  x  x  x  -
awards:commendations_export  S  +  x  x  x  x  x  x  x  -
awards:feedback_list         S  +  x  x  x  +  +  x  x  +
awards:my_feedback           S  -  x  x  x  -  -  >  >  -
awards:feedback_export       S  +  x  x  x  +  +  x  x  -
awards:feedback_files        S  +  x  x  x  x  x  x  x  -
awards:feedback              S  +  x  x  x  -  -  +  -  -
awards:feedback_file         S  +  x  x  x  -  -  +  -  -
awards:feedback_case         S  +  x  x  x  -  -  +  -  -
years:home                   S  >  >  >  x  >  >  >  >  >
years:district               S  +  x  x  x  x  x  x  x  +
years:district_export        S  +  x  x  x  x  x  x  x  -
years:subdistricts           S  +  +  +  x  x  x  x  x  +
years:subdistricts_export    S  +  +  +  x  x  x  x  x  -
years:people                 S  +  +  +  x  x  x  x  x  +
years:people_export          S  +  +  +  x  x  x  x  x  -
years:person                 S  +  +  -  x  x  x  +  -  -
years:mentors                S  +  x  x  x  x  x  x  x  +
years:mentors_export         S  +  x  x  x  x  x  x  x  -
years:mentor                 S  +  x  x  x  +  -  x  x  -
awards:objection             +  +  +  +  +  +  +  +  +  +
awards:check_certificate     +  +  +  +  +  +  +  +  +  +
awards:certificate           +  +  +  +  +  +  +  +  +  +
"""

# The same for addresses that only change something: . is a role that may, and is not tried here.
CHANGING = """
portal:freeze                S  .  x  x  x  x  x  x  x  x
portal:open                  S  .  x  x  x  x  x  x  x  x
portal:close                 S  .  x  x  x  x  x  x  x  x
portal:score                 S  .  x  x  x  x  x  x  x  x
people:sign_out              .  .  .  .  .  .  .  .  .  .
people:disable               S  .  x  x  x  x  x  x  x  -
people:enable                S  .  x  x  x  x  x  x  x  -
people:new_link              S  .  x  x  x  x  x  x  x  -
people:new_grant             S  .  x  x  x  x  x  x  x  -
people:drop_grant            S  .  x  x  x  x  x  x  x  -
mentoring:confirm_roster     S  .  x  x  x  x  x  x  x  -
mentoring:discard_roster     S  .  x  x  x  x  x  x  x  -
mentoring:create_accounts    S  .  x  x  x  x  x  x  x  .
mentoring:sign               S  x  .  -  -  .  -  .  -  -
mentoring:log_visit          S  x  x  -  -  .  -  .  -  -
mentoring:follow_up          S  x  x  -  -  .  -  .  -  -
mentoring:feedback           S  x  x  -  -  .  -  .  -  -
mentoring:confirm_profiles   S  .  x  x  x  x  x  x  x  -
mentoring:discard_profiles   S  .  x  x  x  x  x  x  x  -
mentoring:change_line        S  .  x  x  x  x  x  x  x  -
mentoring:confirm_proposal   S  .  x  x  x  x  x  x  x  -
mentoring:solve_again        S  .  x  x  x  x  x  x  x  -
mentoring:put_question       S  x  x  x  x  x  x  .  .  -
mentoring:drop_question      S  x  x  x  x  x  x  .  x  -
mentoring:mark_case          S  .  .  x  x  .  x  .  x  -
mentoring:remove_output      S  .  .  x  x  .  x  .  x  -
mentoring:phone_visit        i  -  -  -  -  .  -  .  -  -
mentoring:phone_photo        i  -  -  -  -  .  -  .  -  -
mentoring:phone_step         i  -  -  -  -  .  -  .  -  -
mentoring:drop_visit_photo   S  x  -  -  -  .  -  .  -  -
mentoring:new_visit_photo    S  x  x  -  -  .  -  .  -  -
mentoring:discard_proposal   S  .  x  x  x  x  x  x  x  -
projects:state               S  .  .  -  -  x  -  .  -  -
growth:drop_material         S  .  x  x  x  x  x  x  x  -
growth:drop_question         S  .  x  x  x  x  x  x  x  -
growth:answer_practice       S  .  .  x  x  x  x  x  x  -
growth:join                  S  x  x  x  x  x  x  .  .  -
growth:leave                 S  x  x  x  x  x  x  .  .  -
growth:cancel                S  .  x  x  x  x  x  x  x  -
growth:undo                  S  x  x  x  x  x  x  x  x  -
growth:begin                 S  .  x  x  x  x  x  x  x  x
growth:begin_one             S  .  x  -  x  x  -  x  -  -
turnover:open_handovers      S  .  x  x  x  x  x  x  x  -
turnover:open_handover       S  .  x  -  -  -  -  x  -  -
turnover:renew_handover      S  x  x  -  -  -  -  x  -  -
turnover:sign_handover       S  x  .  -  -  -  -  .  -  -
turnover:drop_item           S  x  x  -  -  -  -  x  -  -
turnover:answer_item         S  x  x  -  -  -  -  .  -  -
turnover:new_promise         S  .  .  -  -  -  -  .  -  -
turnover:settle_promise      S  .  .  -  -  -  -  .  -  -
turnover:release_adviser     S  .  x  x  x  x  x  x  x  -
turnover:withdraw_adviser    S  .  x  x  x  x  x  x  x  -
review:plan                  S  .  x  x  x  x  x  x  x  -
review:remind                S  .  x  x  x  x  x  x  x  -
review:sign                  S  x  .  -  -  -  -  -  -  -
review:reopen                S  .  x  -  -  -  -  -  -  -
review:confirm_return        S  x  .  -  -  -  -  -  -  -
review:discard_return        S  x  .  -  -  -  -  -  -  -
review:decide_conflict       S  .  -  -  -  x  -  x  -  -
review:withdraw_conflict     S  .  -  -  -  x  -  x  -  -
review:return_sheet          S  .  x  x  x  x  x  x  x  -
review:void_sheet            S  .  x  x  x  x  x  x  x  -
review:remove_photo          S  x  -  -  -  .  -  -  -  -
review:field_send            i  -  -  -  -  .  -  -  -  -
review:field_photo           i  -  -  -  -  .  -  -  -  -
ballots:prepare              S  .  x  x  x  x  x  x  x  x
ballots:open                 S  .  x  x  x  x  x  x  x  x
ballots:close                S  .  x  x  x  x  x  x  x  x
ballots:pause                S  .  x  x  x  x  x  x  x  x
ballots:resume               S  .  x  x  x  x  x  x  x  x
ballots:steer                S  .  x  x  x  x  x  x  x  x
ballots:dates                S  .  x  x  x  x  x  x  x  x
ballots:revoke               S  .  .  -  x  x  x  x  x  -
ballots:take                 S  .  .  -  x  x  x  x  x  -
ballots:finish               S  .  -  -  x  x  x  x  x  -
ballots:enter_batch          S  .  .  -  x  x  x  x  x  -
ballots:discard_batch        S  .  .  -  x  x  x  x  x  -
ballots:publish_statement    S  .  x  x  x  x  x  x  x  x
ballots:open_tally           S  .  x  x  x  x  x  x  x  x
ballots:destroy_key          S  .  x  x  x  x  x  x  x  x
ballots:examine              S  .  x  x  x  x  x  x  x  x
ballots:decide_comment       S  .  x  x  x  x  x  x  x  -
ballots:preview_flags        S  .  x  x  x  x  x  x  x  x
ballots:end_search           S  .  x  x  x  x  x  x  x  x
awards:draw                  S  .  x  x  x  x  x  x  x  -
awards:publish               S  .  x  x  x  x  x  x  x  -
awards:propose               S  .  x  x  x  x  x  x  x  -
awards:decide                S  .  x  x  x  x  x  x  x  -
awards:answer                S  .  x  x  x  x  x  x  x  -
awards:hold                  S  .  x  x  x  x  x  x  x  -
awards:lift                  S  .  x  x  x  x  x  x  x  -
awards:confirm               S  .  x  x  x  x  x  x  x  -
awards:issue                 S  .  x  x  x  x  x  x  x  -
awards:set_title             S  .  x  x  x  x  x  x  x  -
awards:commend               S  .  x  x  x  x  x  x  x  -
awards:decide_commendation   S  .  x  x  x  x  x  x  x  -
awards:certify               S  .  x  x  x  x  x  x  x  -
awards:release_feedback      S  .  x  x  x  x  x  x  x  -
awards:acknowledge_feedback  S  x  x  x  x  -  -  .  -  -
type_size                    .  .  .  .  .  .  .  .  .  .
set_language                 .  .  .  .  .  .  .  .  .  .
"""

ANSWERS = {200: "+", 302: ">", 303: ">", 401: "i", 403: "x", 404: "-", 410: "g"}


def expected(grid: str) -> dict[str, list[str]]:
    rows = (line.split() for line in grid.strip().splitlines())
    return {name: answers for name, *answers in rows}


def named_routes(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from named_routes(pattern, f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield f"{prefix}{pattern.name}", str(pattern.pattern)


def named_patterns() -> set[str]:
    return {name for name, _route in named_routes()}


def lead_to_certificates(best: HonourList) -> None:
    """Publish the list, answer an objection, confirm it and issue its certificates; propose a change to another one.

    Everyone gets feedback, with a project that landed to look at.
    """
    publish_list(best, by=None)
    FirstThing.objects.filter(enrolment__season=best.season).update(state="landed")
    release_feedback(best.season, by=None)
    said = {"name": "王建华", "contact": "13800000000", "text": "公示材料与事实不符"}
    objection = receive_objection(best, **said, enrolment=None, by=None)
    answer_objection(objection, answer="属实。", upheld=False, by=None)
    HonourList.objects.filter(pk=best.pk).update(objections_until=date(2021, 1, 1))
    issue_certificates(confirm_list(best, by=None), by=None)
    other = best.season.honour_lists.exclude(pk=best.pk).first()
    propose_change(other, leaving=other.honours.first().enrolment, entering=None, reason="自愿放弃", by=None)


@pytest.fixture
def world() -> World:
    world = make_closed_world()
    lead_to_certificates(draw_lists(run_scoring(world.season, by=None), by=None)[0])
    furnish(world)
    make_flag(world.season, world.enrolments[0])
    elsewhere = make_world(code="YZ", open_it=False)
    world.accounts["stranger"] = elsewhere.accounts["office"]
    # What a page shows when it is not told otherwise is the newest season.
    elsewhere.season.delete()
    return world


def furnish(world: World) -> None:
    """One of everything that has a page of its own."""
    leave_pile(world)
    honour_a_person(world)
    leave_training(world)
    leave_conflict(world)
    leave_return(world)
    make_photo(own_sheet(world))
    leave_comment(world)
    make_coaching(world)
    make_turnover(world)


def leave_conflict(world: World) -> None:
    """A conflict of interest between the first mentor and the first secretary, which nobody decided on."""
    world.season.conflicts.create(
        mentor=world.mentors[0],
        enrolment=world.enrolments[0],
        ground="work",
        reason="旧同事",
        declared_at=now(),
    )


def leave_return(world: World) -> None:
    """A workbook of the first subdistrict, which nobody confirmed."""
    world.season.returns.create(
        institution=world.subdistricts[0],
        file_name="评价表.xlsx",
        file_sha256="0" * 64,
        rows=[[1, "4354", ""]],
        counts={"new": 0, "changed": 1, "same": 0, "left": 2, "passed_over": []},
    )


def own_sheet(world: World) -> Assignment:
    """The first sheet of the first mentor."""
    return world.season.assignments.filter(mentor=world.mentors[0]).first()


def honour_a_person(world: World) -> None:
    """The first secretary is honoured for the years in post, with a certificate."""
    title = set_honour_title(
        world.season, name="十年书记", whom="serving", basis="区委组织部〔2021〕12 号", places=6, by=None
    )
    tenure = Tenure.objects.get(post=world.enrolments[0].post)
    proposed = propose_commendation(title, tenure=tenure, merits="任书记十年。", by=None)
    certify_commendation(decide_commendation(proposed, confirm=True, by=None), by=None)


def leave_comment(world: World) -> None:
    """What a resident of the first neighbourhood wrote, a masked number in it."""
    Comment.objects.create(
        round=world.season.rounds.get(kind="secretaries"),
        enrolment=world.enrolments[0],
        text="楼道灯修得快，谢谢！有事请打███。",
        written_on=date(2021, 11, 8),
    )


def leave_pile(world: World) -> None:
    """A pile of paper ballots that nobody entered before the close; the office is its first keyer."""
    pile = PaperBatch.objects.create(
        round=world.season.rounds.first(), enrolment=world.enrolments[0], kind="hall", sheets=2, made_at=now()
    )
    pile.keyings.create(seat=1, by=world.accounts["office"])


def leave_training(world: World) -> None:
    """A course with all that belongs to one, its session, and a proposal on the first secretary's path."""
    first = world.enrolments[0]
    course = make_course(world.season, practice="把议事规则用到第一件事里。", practice_hours=2)
    Material(course=course, title="议事规则样本").file.save("rules.pdf", ContentFile(b"%PDF-"), save=True)
    Question.objects.create(course=course, text="谁来主持？", choices=["书记", "居民推选"], right=1)
    session = make_session(course)
    make_seat(session, first)
    make_attendance(session, first)
    make_report(course, first)
    make_proposal(make_path(first), "empowered", by=world.accounts["office"])


def training_rows(world: World) -> dict[str, list[Any]]:
    """What the addresses of training and of the growth path name."""
    course = world.season.courses.get()
    session = course.sessions.get()
    first = world.enrolments[0].pk
    of_course = (
        "course edit_course new_session new_material quiz questions practice practices practices_export"
    )
    of_session = "session session_export edit_session join leave cancel tick undo sheet projector projector_code feedback"
    of_person = "person_year person_year_export new_credit person begin_one opinion"
    return {
        **{f"growth:{name}": [course.pk] for name in of_course.split()},
        **{f"growth:{name}": [session.pk] for name in of_session.split()},
        **{f"growth:{name}": [first] for name in of_person.split()},
        "growth:here": [session.pk, turning.code_of(session.pk, turning.step_at(now()))],
        "growth:material": [course.materials.get().pk],
        "growth:drop_material": [course.materials.get().pk],
        "growth:drop_question": [course.questions.get().pk],
        "growth:answer_practice": [course.reports.get().pk],
        "growth:step": [first, "promotion"],
        "growth:decide": [Move.objects.get().pk],
    }


def address(name: str, world: World, arguments: dict[str, list[Any]] | None = None) -> str:
    named = arguments_of(world) if arguments is None else arguments
    if name.startswith("mentoring:") and name.endswith(("roster_import", "confirm_roster", "discard_roster")):
        return reverse(name, args=[make_preview(world)])
    return reverse(name, args=named.get(name, []))


def arguments_of(world: World) -> dict[str, list[Any]]:
    """What stands in the addresses, of each name that has anything."""
    season, first = world.season, world.enrolments[0]
    project, account = first.first_thing.pk, world.accounts["department"]
    run, best = season.scoring_runs.get().pk, season.honour_lists.get(kind="best_secretaries")
    honour_list, certificate = best.pk, best.honours.first().certificate
    run_number = season.scoring_runs.get().number
    grant = account.grants.get().pk
    key = keys.season_key(season)
    code = codes.mint(key, first.number, 40)
    helped = passes.issue_pass(
        key,
        number=first.number,
        channel="assisted",
        identity=bytes(16),
        expires=now() + datetime.timedelta(minutes=5),
    )
    batch = season.rounds.first().paper_batches.get().pk
    named: dict[str, list[Any]] = {
        "portal:rule_book_file": [season.slug, 1],
        "portal:result_book": [season.slug, run_number],
        "portal:preset_file": ["putuo-2021"],
        "portal:secretary": [first.number],
        "people:activate": ["0" * 43],
        "people:account": [account.pk],
        "people:disable": [account.pk],
        "people:enable": [account.pk],
        "people:new_link": [account.pk],
        "people:new_grant": [account.pk],
        "people:drop_grant": [account.pk, grant],
        "mentoring:roster_template": ["csv"],
        "mentoring:roster_export": [world.district.code],
        "mentoring:create_accounts": [world.district.code, "secretaries"],
        "projects:project": [project],
        "projects:edit": [project],
        "projects:state": [project],
        "projects:nominate": [project],
        **{
            f"review:{name}": [own_sheet(world).pk]
            for name in ("sheet", "return_sheet", "void_sheet", "field_send", "field_photo")
        },
        **{f"review:{name}": [photo_key(world)] for name in ("photo", "remove_photo")},
        **training_rows(world),
        "review:sheet": [season.assignments.filter(mentor=world.mentors[0]).first().pk],
        "review:assessor": [Source.FIELD, world.mentors[0].pk],
        "ballots:rate": [code],
        "ballots:pick": [code],
        **{f"ballots:{name}": ["0000000000"] for name in ("thanks", "change", "on_to_projects")},
        "ballots:former_thanks": [code, "0000000000"],
        "ballots:here": [first.organisation.code],
        "ballots:phone": [first.organisation.code],
        "ballots:phone_code": [first.organisation.code, "no-such-token"],
        "ballots:wechat": [first.organisation.code],
        "ballots:hand_over": [helped],
        "ballots:assisted": [first.organisation.code],
        "ballots:paper_ballots": [first.organisation.code],
        "ballots:revoke": [first.organisation.code],
        **{
            f"ballots:{step}": [batch]
            for step in ("batch", "take", "key", "finish", "enter_batch", "discard_batch")
        },
        **{f"ballots:{step}": [season.slug] for step in ("pause", "resume", "steer", "dates")},
        "ballots:cards": [first.organisation.code],
        "ballots:poster": [first.organisation.code],
        "ballots:prepare": [season.slug],
        "ballots:open": [season.slug],
        "ballots:close": [season.slug],
        "ballots:archive": [season.slug, 1],
        "ballots:statements": [season.slug],
        "ballots:publish_statement": [season.slug],
        "ballots:open_tally": [season.slug],
        "ballots:destroy_key": [season.slug],
        "ballots:examine": [season.slug],
        "ballots:preview_flags": [season.slug],
        "ballots:end_search": [season.slug],
        "ballots:flag": [season.rounds.get(kind="secretaries").flags.first().pk],
        "ballots:visiting_list": [first.organisation.code],
        "review:staffing": [first.pk],
        "review:release": [world.mentors[0].pk],
        **{
            f"review:{step}": [world.subdistricts[0].pk]
            for step in ("institution", "institution_workbook", "sign", "reopen")
        },
        **{
            f"review:{step}": [season.returns.get().pk]
            for step in ("return", "confirm_return", "discard_return")
        },
        **{f"review:{step}_conflict": [season.conflicts.get().pk] for step in ("decide", "withdraw")},
        "ballots:decide_comment": [season.rounds.get(kind="secretaries").comments.get().pk],
        "scoring:run": [run],
        "scoring:job": [season.scoring_jobs.get().pk],
        "scoring:document": [run, "result"],
        "scoring:export": [run],
        "scoring:sources": [run],
        "scoring:sources_export": [run],
        "awards:trace": [run, first.number],
        "awards:draw": [run],
        "awards:list": [honour_list],
        "awards:publish": [honour_list],
        "awards:export": [honour_list],
        "awards:propose": [honour_list],
        "awards:certificates_file": [honour_list],
        "awards:confirm": [honour_list],
        "awards:hold": [honour_list],
        "awards:lift": [honour_list],
        "awards:issue": [honour_list],
        "awards:decide": [ListChange.objects.get().pk],
        "awards:answer": [best.objections.get().pk],
        "awards:revoke": [certificate.pk],
        "awards:release_feedback": [season.slug],
        **{
            f"awards:{name}": [first.feedback.pk]
            for name in ("feedback", "feedback_file", "feedback_case", "acknowledge_feedback")
        },
        "awards:objection": [honour_list],
        "awards:certificate": [certificate.number],
        "years:person": [first.person_id],
        "years:mentor": [world.mentors[0].person_id],
        "awards:decide_commendation": [Commendation.objects.get().pk],
        "awards:certify": [Commendation.objects.get().pk],
    }
    return named | mentoring_addresses(world) | turnover_addresses(world)


def photo_key(world: World) -> uuid.UUID:
    photo = Photo.objects.filter(assignment__season=world.season).first()
    return photo.key if photo else uuid.UUID(int=0)


def studio_addresses(world: World) -> dict[str, list[Any]]:
    studio, group = world.season.studios.get(), world.season.study_groups.get()
    question, output = studio.questions.get(), studio.outputs.get()
    rows = (
        (studio, "studio edit_studio new_studio_session new_case put_question"),
        (group, "group edit_group new_group_session new_output"),
        (question, "question drop_question"),
        (output, "output output_file remove_output"),
    )
    return {
        "mentoring:gathering": [studio.gatherings.get().pk],
        "mentoring:mark_case": [question.answers.get().pk],
        **{f"mentoring:{name}": [row.pk] for row, names in rows for name in names.split()},
    }


def mentoring_addresses(world: World) -> dict[str, list[Any]]:
    pair = world.enrolments[0].pairs.get().pk
    logged = Visit.objects.get(pair=pair)
    visit, photo = logged.pk, logged.photos.first()
    key = photo.key if photo else uuid.UUID(int=0)
    proposal, profiles = world.season.proposals.get(), world.season.profile_imports.get().pk
    return {
        **{
            f"mentoring:{name}": [pair]
            for name in "pair end_pair agreement agreement_file sign new_visit log_visit".split()
        },
        **{
            f"mentoring:{name}": [visit]
            for name in ("visit", "follow_up", "feedback", "phone_step", "new_visit_photo")
        },
        **{f"mentoring:{name}": [key] for name in ("visit_photo", "drop_visit_photo")},
        "mentoring:phone_visit": [pair],
        "mentoring:phone_photo": [logged.uuid],
        **studio_addresses(world),
        **{
            f"mentoring:{name}": [proposal.pk]
            for name in "proposal proposal_export confirm_proposal solve_again discard_proposal".split()
        },
        **{
            f"mentoring:{name}": [profiles]
            for name in "profile_import confirm_profiles discard_profiles".split()
        },
        "mentoring:change_line": [proposal.pk, proposal.lines.first().pk],
        "mentoring:mentor": [world.mentors[0].pk],
        "mentoring:mentee": [world.enrolments[0].pk],
    }


def turnover_addresses(world: World) -> dict[str, list[Any]]:
    handover, post = Handover.objects.get(), world.enrolments[0].post
    item, adviser = handover.items.get(kind="risk").pk, Adviser.objects.get().pk
    return {
        **{
            f"turnover:{name}": [world.district.elections.get().pk]
            for name in ("election", "changes_export", "open_handovers")
        },
        **{
            f"turnover:{name}": [handover.pk]
            for name in ("handover", "handover_file", "renew_handover", "sign_handover")
        },
        "turnover:new_item": [handover.pk, "risk"],
        **{f"turnover:{name}": [item] for name in ("item", "drop_item", "answer_item")},
        **{
            f"turnover:{name}": [post.pk]
            for name in ("post", "end_tenure", "begin_tenure", "open_handover", "new_promise")
        },
        "turnover:settle_promise": [post.promises.get().pk],
        **{
            f"turnover:{name}": [adviser]
            for name in ("adviser", "edit_adviser", "release_adviser", "withdraw_adviser")
        },
    }


def make_preview(world: World) -> int:
    data = roster_workbook(units=[{"名称": "望梁街道", "类型": "街道"}], secretaries=[], mentors=[])
    return preview_roster(world.district, "街镇.xlsx", data, by=world.accounts["office"]).pk


class Visitors:
    """A client for each role, which signs in once, and again where an address ended its session."""

    def __init__(self, world: World) -> None:
        self.accounts = world.accounts
        self.clients: dict[str, Client] = {}

    def answer(self, role: str, address: str, method: str) -> str:
        client = self.clients.pop(role, None) or self.signed_in(role)
        session = session_of(client)
        said = answer(client, address, method)
        if session_of(client) == session:
            self.clients[role] = client
        return said

    def signed_in(self, role: str) -> Client:
        client = Client()
        if account := self.accounts.get(role):
            client.force_login(account)
        return client


def session_of(client: Client) -> str:
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def answer(client: Client, address: str, method: str) -> str:
    response = getattr(client, method)(address)
    if response.streaming:
        # A file is closed once it has been read.
        list(response.streaming_content)
    if response.status_code == 302 and response["Location"].startswith(f"{reverse('people:sign_in')}?"):
        return "S"
    return ANSWERS.get(response.status_code, str(response.status_code))


def walked(world: World, grid: str, method: str) -> dict[str, list[str]]:
    found, visitors = {}, Visitors(world)
    # A visit leaves everything where it is; a change may not.
    arguments = arguments_of(world) if method == "get" else None
    for name, row in expected(grid).items():
        path = address(name, world, arguments)
        found[name] = [
            "." if due == "." else visitors.answer(role, path, method)
            for role, due in zip(ROLES, row, strict=True)
        ]
    return found


def test_every_named_address_is_walked():
    assert {*expected(READING), *expected(CHANGING)} == named_patterns()


def test_every_page_is_for_whom_it_is_for(world):
    assert walked(world, READING, "get") == expected(READING)


@pytest.mark.once
def test_every_change_is_refused_to_whom_it_is_not_for(world):
    before = ScoringRun.objects.count()

    assert walked(world, CHANGING, "post") == expected(CHANGING)
    assert ScoringRun.objects.count() == before


def test_no_change_happens_on_a_mere_visit(client, world):
    client.force_login(world.accounts["office"])
    arguments = arguments_of(world)
    refused = {
        name: client.get(address(name, world, arguments)).status_code
        for name in expected(CHANGING)
        if name not in ("set_language",)
    }

    assert set(refused.values()) == {405}


def test_a_number_that_no_row_can_have_is_not_there(client, world):
    """No database holds it; no page may ask for it."""
    client.force_login(world.accounts["office"])
    numbered = {
        name: f"/{re.sub('<int:[a-z_]+>', '9' * 25, route)}".replace("<slug:source>", Source.FIELD)
        .replace("<slug:code>", "0" * 12)
        .replace("<slug:kind>", "promotion")
        for name, route in named_routes()
        if "<int:" in route
    }

    got = {
        (name, method): getattr(client, method)(odd).status_code
        for name, odd in numbered.items()
        for method in ("get", "post")
    }

    assert {case: status for case, status in got.items() if status not in (404, 405)} == {}


def test_an_address_with_nul_is_not_there(client):
    """Some databases take no such text, not even to look for it."""
    client.force_login(make_world().accounts["office"])
    odd = [
        "/rounds/cards/LZ%00/",
        "/rounds/poster/LZ%00/",
        "/rounds/assisted/LZ%00/",
        "/rounds/paper/print/LZ%00/",
        "/v/at/LZ%00/",
        "/v/at/LZ%00/phone/",
        "/rounds/sample/LZ%00/",
        "/roster/LZ%00/export.xlsx",
        "/roster/LZ%00/accounts/secretaries/",
        "/rules/presets/%00.toml",
    ]

    assert {path: client.get(path).status_code for path in odd} == dict.fromkeys(odd, 404)


FIRST, SECOND, OTHERS = ["周兰英"], ["吴建国"], ["郑秀芳", "王海燕", "冯志明", "陈玉梅"]


ROWS_OF = {
    "office": FIRST + SECOND + OTHERS,
    "subdistrict": FIRST + SECOND + OTHERS[:1],
    "other_subdistrict": OTHERS[1:],
    "mentor": FIRST + SECOND,
    "other_mentor": [],
    "secretary": FIRST,
    "other_secretary": OTHERS[3:],
    "stranger": [],
}


@pytest.mark.parametrize("page", ["portal:secretaries", "projects:list"])
def test_each_role_sees_its_own_rows_only(client, world, page):
    seen = {}
    for role in ROWS_OF:
        client.force_login(world.accounts[role])
        # The header names who is signed in; the rows begin in the main part.
        text = client.get(reverse(page)).content.decode().split("<main", 1)[1]
        seen[role] = [name for name in FIRST + SECOND + OTHERS if name in text]

    assert seen == ROWS_OF


@pytest.mark.once
@pytest.mark.parametrize("role", [role for role in ROLES if role != "nobody"])
def test_every_page_stands_before_there_is_a_season(client, role: str):
    world = make_world()
    world.accounts["stranger"] = make_world(code="YZ", open_it=False).accounts["office"]
    Season.objects.all().delete()
    client.force_login(world.accounts[role])

    got = {
        (name, method): getattr(client, method)(f"/{route}").status_code
        for name, route in named_routes()
        if not re.search("[<(^$]", route) and name != "people:sign_out"
        for method in ("get", "post")
    }

    assert {case: status for case, status in got.items() if status >= 500} == {}
