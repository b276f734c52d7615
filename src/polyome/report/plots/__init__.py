"""Figures of scored records, with scanpy's manners: pass ``ax``, ``show``, ``save``; get axes."""
