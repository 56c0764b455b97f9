-- The rows of the quarantine, in any state.
SELECT count() FROM quarantine FINAL
