"""The master process: command line, generations, listeners, workers, metrics."""
