"""The application for any WSGI server: ``gunicorn wsgi:app``."""

from clinic_orders.app import create_app

app = create_app()
