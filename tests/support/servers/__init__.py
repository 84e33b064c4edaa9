"""Real servers for tests: Kafka, NATS, PostgreSQL. Each is started once per test run and stopped by its process id."""
