"""Why a run failed, worked out from its log: `diagnose` first, then a module for each kind of cause."""
