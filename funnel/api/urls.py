"""Addresses of the REST resources: the kernel's own, and those that the apps above register."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from funnel.registry import api_routes

from . import parties, resources, schema, tasks  # noqa: F401  the schema's extensions register themselves
from .custom import CustomFieldViewSet
from .files import AttachmentViewSet
from .journeys import EventFeed, JourneyViewSet
from .notices import NotificationViewSet
from .rates import RateViewSet
from .saved_views import SavedViewViewSet

router = SimpleRouter()
router.register("journeys", JourneyViewSet, "journey")
router.register("contacts", parties.ContactViewSet, "contact")
router.register("companies", parties.CompanyViewSet, "company")
router.register("custom-fields", CustomFieldViewSet, "custom-field")
router.register("activities", resources.ActivityViewSet, "activity")
router.register("sources", resources.SourceViewSet, "source")
router.register("campaigns", resources.CampaignViewSet, "campaign")
router.register("services", resources.ServiceViewSet, "service")
router.register("reasons", resources.ReasonViewSet, "reason")
router.register("files", AttachmentViewSet, "file")
router.register("notifications", NotificationViewSet, "notification")
router.register("tasks", tasks.TaskViewSet, "task")
router.register("rates", RateViewSet, "rate")
router.register("teams", resources.TeamViewSet, "team")
router.register("users", resources.UserViewSet, "user")
router.register("views", SavedViewViewSet, "view")
for prefix, viewset, basename in api_routes:
    router.register(prefix, viewset, basename)

urlpatterns = [path("events/", EventFeed.as_view(), name="event-feed"), path("", include(router.urls))]
