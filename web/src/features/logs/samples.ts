/** Queries to start from. They read tables that the agents fill. */
export const samples: readonly { group: string; name: string; query: string }[] = [
  {
    group: 'Agents',
    name: 'Last heartbeat of every server',
    query: 'Heartbeat\n| summarize LastHeartbeat = max(TimeGenerated) by Computer, OSType, Version\n| sort by LastHeartbeat asc',
  },
  {
    group: 'Agents',
    name: 'Heartbeats over time',
    query: 'Heartbeat\n| summarize Heartbeats = count() by bin(TimeGenerated, 10m), Computer\n| render timechart',
  },
  {
    group: 'Sign-ins',
    name: 'Failed SSH sign-ins by address',
    query:
      'Syslog\n| where ProcessName startswith "sshd" and SyslogMessage has "Failed password"\n| parse SyslogMessage with * "from " Address " port" *\n| summarize Failures = count(), Accounts = dcount(SyslogMessage) by Address, Computer\n| top 20 by Failures',
  },
  {
    group: 'Processes',
    name: 'Newest processes',
    query:
      'DeviceProcessEvents\n| project TimeGenerated, DeviceName, AccountName, FileName, ProcessCommandLine, InitiatingProcessFileName\n| top 200 by TimeGenerated',
  },
  {
    group: 'Processes',
    name: 'Programs started most often',
    query: 'DeviceProcessEvents\n| summarize Starts = count() by FileName\n| top 15 by Starts\n| render barchart',
  },
  {
    group: 'Performance',
    name: 'Processor time by server',
    query:
      'Perf\n| where ObjectName == "Processor" and CounterName == "% Processor Time"\n| summarize Percent = avg(CounterValue) by bin(TimeGenerated, 5m), Computer\n| render timechart',
  },
  {
    group: 'Security',
    name: 'Alerts by severity',
    query: 'SecurityAlert\n| summarize Alerts = count() by AlertSeverity\n| render piechart',
  },
  {
    group: 'Inventory',
    name: 'Packages by server',
    query: 'ConfigurationData\n| where ConfigDataType == "Software"\n| summarize Packages = dcount(SoftwareName) by Computer',
  },
];
