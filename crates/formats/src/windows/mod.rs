//! Windows events: which ones are wanted, and the rows they become.

mod event_query;
mod event_row;
mod event_set;

pub use event_query::{EventFacts, EventQuery};
pub use event_row::{EventTable, WindowsEvent};
pub use event_set::EventSet;
