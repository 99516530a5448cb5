//! Prints process events as rows, one JSON object a line: `watch [ebpf|audit|connector] [seconds]`.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::time::{Duration, Instant};

use bartizan_sensor::{DeviceIdentity, Sensor, SensorOptions, Tier};

fn main() -> Result<(), bartizan_sensor::SensorError> {
    let mut args = std::env::args().skip(1);
    let tier = args.next().and_then(|name| Tier::ALL.into_iter().find(|tier| tier.name() == name));
    let seconds = args.next().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX / 4);
    let sensor = Sensor::start(SensorOptions { tier, ..SensorOptions::default() })?;
    let device = DeviceIdentity { device_id: "0".to_owned(), device_name: "here".to_owned() };
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        for event in sensor.recv_batch(64, Duration::from_millis(500)) {
            println!("{}", serde_json::Value::Object(event.to_row(&device)));
        }
    }
    println!("{:#?}", sensor.status());
    Ok(())
}
