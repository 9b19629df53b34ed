"""Grafana's dashboards, built in code and kept as files in `config/grafana`."""
