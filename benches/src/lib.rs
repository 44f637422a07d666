//! Instance generators and the instance runner.
