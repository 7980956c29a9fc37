import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("FUNNEL_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
