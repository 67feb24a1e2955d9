"""What all time-series pipelines share: windows, events, matching, scores, training."""
