//! What Defender for Servers puts on a machine: one entry per component.

use bartizan_wire::ExtensionProgram;

/// The type of a connected machine.
pub const MACHINE_TYPE: &str = "Microsoft.HybridCompute/machines";
/// The type of a machine's extension.
pub const EXTENSION_TYPE: &str = "Microsoft.HybridCompute/machines/extensions";

/// The types of the endpoint extension on each system. It is onboarded with the subscription of its machine.
pub const ENDPOINT_TYPES: [&str; 2] = ["MDE.Linux", "MDE.Windows"];

/// A provisioned extension: which policy deploys it, which program it is, and what it sends.
#[derive(Debug, PartialEq, Eq)]
pub struct Component {
    /// Short name, used in assignment metadata and in diagnoses.
    pub name: &'static str,
    pub display_name: &'static str,
    pub publisher: &'static str,
    /// The extension's type, and the name policy gives the resource.
    pub extension: &'static str,
    pub program: ExtensionProgram,
    /// Name of the built-in definition that deploys it.
    pub definition: &'static str,
    /// Name of the assignment that a plan creates.
    pub assignment: &'static str,
    /// The streams it writes.
    pub streams: &'static [&'static str],
}

/// All components, in the order in which they are shown. Which plan brings one is told by the features that need it
/// (`content/plans/features.yaml`).
pub static COMPONENTS: [Component; 3] = [
    Component {
        name: "sensor",
        display_name: "Endpoint protection (MDE sensor)",
        publisher: "Microsoft.Azure.AzureDefenderForServers",
        extension: "MDE.Linux",
        program: ExtensionProgram::Sensor,
        definition: "4eb909e7-6d64-656d-6465-2eeb297a1625",
        assignment: "defender-servers-mde-linux",
        streams: &[
            "Microsoft-DeviceProcessEvents",
            "Microsoft-DeviceFileEvents",
            "Microsoft-DeviceNetworkEvents",
            "Microsoft-DeviceLogonEvents",
            "Microsoft-DeviceEvents",
            "Microsoft-DeviceInfo",
        ],
    },
    Component {
        name: "monitor",
        display_name: "Log collection (Azure Monitor Agent)",
        publisher: "Microsoft.Azure.Monitor",
        extension: "AzureMonitorLinuxAgent",
        program: ExtensionProgram::Monitor,
        definition: "845857af-0333-4c5d-bbbc-6076697da122",
        assignment: "defender-servers-ama-linux",
        streams: &["Microsoft-Heartbeat", "Microsoft-Syslog", "Microsoft-Perf"],
    },
    Component {
        name: "inventory",
        display_name: "Inventory and change tracking",
        publisher: "Microsoft.Azure.ChangeTrackingAndInventory",
        extension: "ChangeTracking-Linux",
        program: ExtensionProgram::Inventory,
        definition: "10caed8a-652c-4d1d-84e4-2805b7c07278",
        assignment: "defender-servers-changetracking-linux",
        streams: &["Microsoft-ConfigurationData", "Microsoft-ConfigurationChange"],
    },
];

/// The component that an extension of this publisher and type is.
pub fn find(publisher: &str, extension: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| {
        component.publisher.eq_ignore_ascii_case(publisher)
            && component.extension.eq_ignore_ascii_case(extension)
    })
}
