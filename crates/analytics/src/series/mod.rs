//! Equidistant series of numbers: filters, fits, decomposition, anomalies.
