"""Kills ingestion again and again and checks that nothing is lost or done twice."""
