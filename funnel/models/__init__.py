"""Everything the kernel stores."""

from .activity import Activity, Note, Notification
from .catalogue import Campaign, Reason, Service, Source
from .custom import CustomField
from .field_changes import FieldChange
from .files import Attachment
from .journey import Event, Journey
from .limits import StageLimit
from .lists import BulkJob, SavedView
from .mails import Mail
from .merges import CompanyMerge, ContactMerge, FormerCompany, FormerContact
from .organisation import Organisation
from .outbox import OutboxRow
from .parties import Company, Contact
from .people import Team, User
from .programs import ApiToken, IdempotencyKey
from .setting_changes import SettingChange
from .tasks import Task, TaskChange

__all__ = [
    "Activity",
    "ApiToken",
    "Attachment",
    "BulkJob",
    "Campaign",
    "Company",
    "CompanyMerge",
    "Contact",
    "ContactMerge",
    "CustomField",
    "Event",
    "FieldChange",
    "FormerCompany",
    "FormerContact",
    "IdempotencyKey",
    "Journey",
    "Mail",
    "Note",
    "Notification",
    "Organisation",
    "OutboxRow",
    "Reason",
    "SavedView",
    "Service",
    "SettingChange",
    "Source",
    "StageLimit",
    "Task",
    "TaskChange",
    "Team",
    "User",
]
