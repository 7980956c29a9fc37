# One image for web, worker and beat; docker-compose.yml says which runs what.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FUNNEL_DATA_DIR=/data
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN python -m config.translations \
    && useradd --system --uid 10001 --home-dir /data --create-home funnel \
    && chown funnel /data
USER funnel
VOLUME /data
EXPOSE 8000
CMD ["sh", "-c", "python -m config.prepare && exec gunicorn -c python:config.gunicorn config.wsgi"]
