"""Runs the embedded engine in a folder, as a service with little room would."""

import logging
import sys

from footfall.settings.schema import Settings
from footfall.store.engine.process import run_engine

logging.basicConfig(level="INFO")
run_engine(Settings(data_dir=sys.argv[1], stop_timeout_s=4, engine_queries_at_once_max=3))
