from django.urls import URLPattern, path

from .views import (
    acts,
    catalogue,
    gallery,
    home,
    journey,
    journey_list,
    notifications,
    search,
    settings,
    shell,
    undo,
)

app_name = "funnel"

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("theme/", shell.set_theme, name="theme"),
    path("components/", gallery.gallery, name="gallery"),
    path("journeys/", journey_list.journey_list, name="journey-list"),
    path("journeys/bulk/", journey_list.bulk, name="journey-bulk"),
    path("journeys/<int:pk>/", journey.journey, name="journey"),
    path("journeys/<int:pk>/compose/", journey.compose, name="journey-compose"),
    path("journeys/<int:pk>/moves/<str:name>/", acts.move, name="journey-move"),
    path("journeys/<int:pk>/facts/<str:event>/", acts.fact, name="journey-fact"),
    path("journeys/<int:pk>/undo/", undo.undo_last, name="journey-undo"),
    path("journeys/<int:pk>/events/<int:event>/annul/", undo.annul_event, name="event-annul"),
    path("acts/<uuid:act>/undo/", undo.undo_act, name="act-undo"),
    path("search/", search.search, name="search"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.mark_read, name="notifications-read"),
    path("settings/", settings.index, name="settings"),
    path("settings/profile/", settings.profile, name="profile"),
    path("settings/organisation/", settings.organisation, name="organisation"),
    path("settings/users/", settings.user_list, name="user-list"),
    path("settings/users/new/", settings.user_form, name="user-new"),
    path("settings/users/<int:pk>/", settings.user_form, name="user"),
    path("settings/users/<int:pk>/password/", settings.user_password, name="user-password"),
    path("settings/teams/new/", settings.team_form, name="team-new"),
    path("settings/teams/<int:pk>/", settings.team_form, name="team"),
    path("settings/tokens/", settings.token_list, name="token-list"),
    path("settings/tokens/<int:pk>/revoke/", settings.token_revoke, name="token-revoke"),
    path("settings/<slug:slug>/", catalogue.catalogue, name="catalogue"),
    path("settings/<slug:slug>/new/", catalogue.entry, name="catalogue-new"),
    path("settings/<slug:slug>/<int:pk>/", catalogue.entry, name="catalogue-entry"),
]
