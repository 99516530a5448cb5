//! One entry of the write-ahead log: a batch as it arrived, and what the server knew about it.
//!
//! The body is kept as the sender's JSON rather than as Arrow. Writing it costs a copy, a wide table's
//! small batch is far smaller that way (Arrow IPC spends about 200 bytes on every column of every
//! batch), and replay, which decodes again, is rare.

use std::collections::BTreeMap;

use bartizan_base::{BatchId, ResourceId, TenantId, Ticks, WorkspaceId};
use bytes::Bytes;
use uuid::Uuid;

use crate::append::AppendTarget;

/// A batch in the log.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) received: Ticks,
    pub(crate) to: AppendTarget,
    pub(crate) body: Bytes,
}

impl Record {
    /// Appends the encoded record to `out`. All numbers are little-endian; texts have a 32-bit length.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.seq.to_le_bytes());
        out.extend(self.received.0.to_le_bytes());
        out.extend(self.to.workspace.0.as_bytes());
        out.extend(self.to.tenant.0.as_bytes());
        put_text(out, &self.to.table);
        out.push(u8::from(self.to.batch.is_some()));
        if let Some(batch) = self.to.batch {
            out.extend(batch.source.as_bytes());
            out.extend(batch.seq.to_le_bytes());
        }
        put_text(out, self.to.resource_id.as_ref().map_or("", ResourceId::as_str));
        out.extend((self.to.force.len() as u32).to_le_bytes());
        for (column, value) in &self.to.force {
            put_text(out, column);
            put_text(out, value);
        }
        out.extend(&self.body);
    }

    /// The record that `bytes` encode; `None` when they encode none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let seq = input.number()?;
        let received = Ticks(input.number()? as i64);
        let workspace = WorkspaceId(input.uuid()?);
        let tenant = TenantId(input.uuid()?);
        let table = input.text()?.to_owned();
        let batch = match input.take(1)? {
            [0] => None,
            [1] => Some(BatchId { source: input.uuid()?, seq: input.number()? }),
            _ => return None,
        };
        let resource_id = match input.text()? {
            "" => None,
            text => Some(ResourceId::parse(text).ok()?),
        };
        let mut force = BTreeMap::new();
        for _ in 0..input.count()? {
            let column = input.text()?.to_owned();
            force.insert(column, input.text()?.to_owned());
        }
        let to = AppendTarget { workspace, tenant, table, batch, resource_id, force };
        Some(Self { seq, received, to, body: Bytes::copy_from_slice(input.0) })
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn count(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn uuid(&mut self) -> Option<Uuid> {
        Uuid::from_slice(self.take(16)?).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.count()? as usize;
        std::str::from_utf8(self.take(len)?).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(seq: u64) -> Record {
        let mut to =
            AppendTarget::new(WorkspaceId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)), "Heartbeat");
        to.batch = Some(BatchId { source: Uuid::from_u128(3), seq });
        to.resource_id = ResourceId::parse("/subscriptions/s/resourceGroups/g").ok();
        to.force.insert("Computer".to_owned(), "host".to_owned());
        Record { seq, received: Ticks(5), to, body: Bytes::from(format!("[{{\"n\":{seq}}}]")) }
    }

    #[test]
    fn round_trips_and_refuses_short_input() {
        let record = record(9);
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let back = Record::decode(&bytes).unwrap();
        assert_eq!((back.seq, back.received, &back.body), (record.seq, record.received, &record.body));
        assert_eq!(back.to.batch, record.to.batch);
        assert_eq!(back.to.resource_id, record.to.resource_id);
        assert_eq!(back.to.force, record.to.force);
        let header_len = bytes.len() - record.body.len();
        for len in 0..header_len {
            assert!(Record::decode(&bytes[..len]).is_none(), "{len}");
        }
    }
}
