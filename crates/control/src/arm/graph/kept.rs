//! The resources as Resource Graph shows them, read once and kept in the engine's form.
//!
//! Rows lie in parts that are never changed: a changed resource gets a row in a new part, and its old row is marked
//! as gone. Large parts are packed, and unpacked for as long as queries ask for their table. A task follows the feed of
//! changes; who asks brings the rows up to date with what it has not reached yet: the feed has every change that was
//! answered before. What the feed does not tell, because another program wrote it (the command line makes subscriptions
//! and gives roles), shows in the generation of the access map.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_engine::{GivenRows, PackedRows, QueryError};
use bartizan_records::{Changes, EVIDENCE_CHANGE_TYPE, ListQuery, Resource};
use serde_json::{Map, Value};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use crate::access::AccessMap;
use crate::app::App;
use crate::arm::Sight;
use crate::arm::graph::{health, row, table_of, tables};
use crate::http::Failure;

/// Resources read at once.
const PAGE: u32 = 1000;
/// Rows of a full part.
const PART_ROWS: usize = 8192;
/// Parts of a table that are less than half full, or more than half gone, before they are put together.
const THIN_PARTS_MAX: usize = 16;
/// How long the rows of a table stay unpacked after it was asked for.
const OPEN_TIME: Duration = Duration::from_secs(60);
/// Changed resources beyond which it is cheaper to read everything anew: of a small number of resources, and of
/// any number as many as there are rows for.
const CHANGES_MIN: usize = 1000;
/// Changed resources that are read together.
const TOGETHER: usize = 256;
/// How long changes gather before they are followed.
const GATHER: Duration = Duration::from_millis(500);
/// They gather for this many times as long as following them took last. While a fleet joins, most rows change all the
/// time; whoever asks waits for those that are left, and until somebody does, few are enough.
const REST: u32 = 4;
/// Rows that are kept between queries: about half a kilobyte each in memory, and two more while they are asked for. Of
/// more all are read for each query anew.
const ROWS_MAX: usize = 500_000;

/// The types that decide access. Other programs write them, and what subscriptions show depends on them.
const ACCESS_TYPES: [&str; 6] = [
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/locks",
    "Microsoft.Management/managementGroups",
    "Microsoft.Resources/subscriptions",
    "Microsoft.Subscription/aliases",
];

/// The rows between queries.
#[derive(Debug, Default)]
pub(crate) struct GraphRows(tokio::sync::Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    changes: Changes,
    /// What the feed has told and the rows do not show yet.
    pending: HashSet<ResourceId>,
    /// The feed has told of more than it keeps.
    missed: bool,
    /// Changes are being followed; still so when whoever did it failed or went away in the middle.
    halfway: bool,
    /// Of the access map that the rows were made with.
    access: i64,
    /// By number, which only grows.
    parts: BTreeMap<u32, Part>,
    next_part: u32,
    /// When each of [`tables`] was asked for last.
    asked: Vec<Option<Instant>>,
    /// Where each resource's rows are: part and place in it.
    places: HashMap<ResourceId, Vec<(u32, u32)>>,
    families: Vec<Family>,
    family_of: HashMap<(String, String), u32>,
}

/// Rows of one type in one subscription, of which most callers see all or none.
#[derive(Clone, Debug)]
struct Family {
    /// In small letters.
    resource_type: String,
    /// `None` for what is in no subscription.
    subscription: Option<ResourceId>,
}

#[derive(Debug)]
struct Part {
    /// Position among [`tables`].
    table: usize,
    rows: Rows,
    of: Arc<Vec<(ResourceId, u32)>>,
    live: Arc<Vec<bool>>,
    gone: usize,
}

/// The rows of a part.
#[derive(Clone, Debug)]
enum Rows {
    /// Few, and soon to be put together with others.
    Open(GivenRows),
    /// Most, and unpacked while they are asked for.
    Packed(PackedRows, Option<GivenRows>),
}

/// A part as a query sees it.
struct Shown {
    table: usize,
    rows: GivenRows,
    of: Arc<Vec<(ResourceId, u32)>>,
    live: Arc<Vec<bool>>,
}

impl Rows {
    fn new(rows: GivenRows) -> Result<Self, QueryError> {
        Ok(if 2 * rows.len() < PART_ROWS { Self::Open(rows) } else { Self::Packed(rows.packed()?, None) })
    }

    fn unpacked(&self) -> Result<GivenRows, QueryError> {
        match self {
            Self::Open(rows) | Self::Packed(_, Some(rows)) => Ok(rows.clone()),
            Self::Packed(packed, None) => packed.rows(),
        }
    }
}

impl Part {
    /// Whether it is worth being put together with others.
    fn is_thin(&self) -> bool {
        let live = self.of.len() - self.gone;
        2 * live < PART_ROWS || self.gone > live
    }
}

/// Rows of a table on their way into a part, written as JSON: as values they would take several times the memory.
#[derive(Default)]
struct New {
    of: Vec<(ResourceId, u32)>,
    json: Vec<u8>,
}

impl New {
    fn push(&mut self, id: ResourceId, family: u32, row: &Map<String, Value>) -> Result<(), Failure> {
        let written = serde_json::to_writer(&mut self.json, row);
        written.map_err(|error| Failure(ApiError::new(ErrorKind::Internal, error.to_string())))?;
        self.json.push(b'\n');
        self.of.push((id, family));
        Ok(())
    }
}

/// Rows for one query: all parts as of now of the tables it asks for, whatever changes afterwards.
pub(super) struct View {
    parts: Vec<Shown>,
    families: Vec<Family>,
}

impl GraphRows {
    /// The rows as of now of some of [`tables`].
    pub(super) async fn view(&self, app: &App, tables: &[usize]) -> Result<View, Failure> {
        let mut kept = self.0.lock().await;
        let state = current(&mut kept, app).await?;
        let view = View { parts: state.open(tables).await?, families: state.families.clone() };
        if state.rows() > ROWS_MAX {
            *kept = None;
        }
        Ok(view)
    }

    /// Takes over what the feed tells, before it forgets.
    async fn hear(&self) {
        if let Some(state) = self.0.lock().await.as_mut() {
            state.hear();
        }
    }

    /// Packs what nobody has asked for lately.
    async fn close(&self) {
        if let Some(state) = self.0.lock().await.as_mut() {
            state.close();
        }
    }

    /// Reads the rows, or follows the changes; whether they are few enough to be kept.
    async fn refresh(&self, app: &App) -> Result<bool, Failure> {
        let mut kept = self.0.lock().await;
        let fits = current(&mut kept, app).await?.rows() <= ROWS_MAX;
        if !fits {
            *kept = None;
        }
        Ok(fits)
    }
}

/// Brings what is kept up to date.
async fn current<'a>(kept: &'a mut Option<State>, app: &App) -> Result<&'a mut State, Failure> {
    let map = app.access_map().await?;
    let ready = match kept.as_mut() {
        Some(state) => state.follow(app, &map).await?,
        None => false,
    };
    if !ready {
        // Nothing of the old rows is needed for the new ones.
        *kept = None;
        *kept = Some(State::read(app, &map).await?);
    }
    kept.as_mut().ok_or_else(|| Failure(ApiError::new(ErrorKind::Internal, "There are no rows to query.")))
}

/// Keeps the rows ready until the server stops: reads them after a start, and follows the changes also when nobody
/// asks, so that whoever does waits for the last moment's changes only.
pub(crate) async fn keep(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    loop {
        let begun = Instant::now();
        match app.graph.refresh(&app).await {
            Ok(true) => {}
            // Queries read so many themselves.
            Ok(false) => return,
            Err(Failure(error)) => {
                tracing::warn!(error = error.message, "the rows of Resource Graph are not up to date")
            }
        }
        let rest = begun.elapsed() * REST;
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Err(RecvError::Closed) => return,
                    _ => break,
                },
                () = tokio::time::sleep(OPEN_TIME) => app.graph.close().await,
                () = app.stop.cancelled() => return,
            }
        }
        let until = Instant::now() + rest.max(GATHER);
        while Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep_until(until.min(Instant::now() + GATHER)) => app.graph.hear().await,
                () = app.stop.cancelled() => return,
            }
        }
        // What these tell is read by the rows themselves.
        while !matches!(changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        app.graph.close().await;
    }
}

impl State {
    async fn read(app: &App, map: &AccessMap) -> Result<Self, Failure> {
        let mut state = Self {
            // From before the first page on: what changes meanwhile is read again.
            changes: app.records.subscribe(),
            pending: HashSet::new(),
            missed: false,
            halfway: false,
            access: map.generation(),
            parts: BTreeMap::new(),
            next_part: 0,
            asked: vec![None; tables().len()],
            places: HashMap::new(),
            families: Vec::new(),
            family_of: HashMap::new(),
        };
        let mut new: Vec<New> = tables().iter().map(|_| New::default()).collect();
        let mut after = None;
        loop {
            let query = ListQuery {
                scope: ListQuery::tenant(),
                resource_type: None,
                direct: false,
                after,
                limit: PAGE,
            };
            let page = app.records.list(query).await?;
            for resource in &page.items {
                state.add(app, map, resource, &mut new)?;
            }
            state.hear();
            state.put_parts(app, &mut new, PART_ROWS).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        state.put_parts(app, &mut new, 1).await?;
        Ok(state)
    }

    /// Takes over what the feed tells, before it forgets: reading takes longer than many changes at once.
    fn hear(&mut self) {
        loop {
            match self.changes.try_recv() {
                // Evidence is told under its machine's id, which it does not change.
                Ok(change) if change.resource_type == EVIDENCE_CHANGE_TYPE => {}
                Ok(change) => drop(self.pending.insert(change.id)),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Lagged(_) | TryRecvError::Closed) => {
                    self.missed = true;
                    return;
                }
            }
        }
    }

    /// Brings the rows up to date; `false` when they must be read anew.
    async fn follow(&mut self, app: &App, map: &AccessMap) -> Result<bool, Failure> {
        self.hear();
        if self.missed || std::mem::replace(&mut self.halfway, true) {
            return Ok(false);
        }
        let mut changed = std::mem::take(&mut self.pending);
        if self.access != map.generation() {
            self.access = map.generation();
            let shown = self.parts.values().flat_map(|part| part.of.iter());
            let deciding = |family: u32| {
                let of = &self.families[family as usize].resource_type;
                ACCESS_TYPES.iter().any(|name| name.eq_ignore_ascii_case(of))
            };
            changed.extend(shown.filter(|(_, family)| deciding(*family)).map(|(id, _)| id.clone()));
            for name in ACCESS_TYPES {
                let all = app.records.list_all(&ListQuery::tenant(), name).await?;
                changed.extend(all.into_iter().map(|resource| resource.id));
            }
        }
        if changed.len() > CHANGES_MIN.max(self.places.len()) {
            return Ok(false);
        }
        let mut new: Vec<New> = tables().iter().map(|_| New::default()).collect();
        let changed: Vec<ResourceId> = changed.into_iter().collect();
        for ids in changed.chunks(TOGETHER) {
            let found = app.records.get_many(ids).await?;
            ids.iter().for_each(|id| self.forget(id));
            for resource in &found {
                self.add(app, map, resource, &mut new)?;
            }
            self.hear();
            self.put_parts(app, &mut new, PART_ROWS).await?;
        }
        self.put_parts(app, &mut new, 1).await?;
        self.tidy().await?;
        self.halfway = false;
        Ok(true)
    }

    fn rows(&self) -> usize {
        self.parts.values().map(|part| part.of.len()).sum()
    }

    fn add(
        &mut self,
        app: &App,
        map: &AccessMap,
        resource: &Resource,
        new: &mut [New],
    ) -> Result<(), Failure> {
        let key = resource.resource_type.to_ascii_lowercase();
        if key == health::MACHINES {
            let row = health::row(&app.home.tenant.to_string(), resource);
            let family = self.family(&resource.id, health::TYPE);
            new[table_of(health::TYPE)].push(resource.id.clone(), family, &row)?;
        }
        let (table, family) = (table_of(&key), self.family(&resource.id, &key));
        let row = row(&app.home, &map.hierarchy, resource, key);
        new[table].push(resource.id.clone(), family, &row)
    }

    fn family(&mut self, id: &ResourceId, resource_type: &str) -> u32 {
        let subscription = id.subscription().unwrap_or_default().to_ascii_lowercase();
        let key = (resource_type.to_owned(), subscription);
        if let Some(found) = self.family_of.get(&key) {
            return *found;
        }
        let number = self.families.len() as u32;
        let within = (!key.1.is_empty())
            .then(|| ResourceId::parse(&format!("/subscriptions/{}", key.1)).ok())
            .flatten();
        self.families.push(Family { resource_type: key.0.clone(), subscription: within });
        self.family_of.insert(key, number);
        number
    }

    /// Marks the rows of a resource as gone.
    fn forget(&mut self, id: &ResourceId) {
        for (number, at) in self.places.remove(id).unwrap_or_default() {
            if let Some(part) = self.parts.get_mut(&number) {
                // Copied when a query looks at it.
                Arc::make_mut(&mut part.live)[at as usize] = false;
                part.gone += 1;
            }
        }
    }

    /// Makes parts of what there are at least so many rows of.
    async fn put_parts(&mut self, app: &App, new: &mut [New], least: usize) -> Result<(), Failure> {
        for (table, new) in new.iter_mut().enumerate().filter(|(_, new)| new.of.len() >= least) {
            let (New { of, json }, now) = (std::mem::take(new), app.clock.now());
            let rows = GivenRows::none(tables()[table].clone());
            let rows = off_thread(move || Rows::new(rows.with_json(&json, now)?)).await?;
            self.insert(table, rows, of);
        }
        Ok(())
    }

    fn insert(&mut self, table: usize, rows: Rows, of: Vec<(ResourceId, u32)>) {
        let number = self.next_part;
        self.next_part += 1;
        for (at, (id, _)) in of.iter().enumerate() {
            self.places.entry(id.clone()).or_default().push((number, at as u32));
        }
        let live = Arc::new(vec![true; of.len()]);
        self.parts.insert(number, Part { table, rows, of: Arc::new(of), live, gone: 0 });
    }

    /// Puts parts with few rows together, so that neither rows that are gone nor small parts pile up.
    async fn tidy(&mut self) -> Result<(), Failure> {
        for table in 0..tables().len() {
            let thin = |part: &Part| part.table == table && part.is_thin();
            let numbers: Vec<u32> =
                self.parts.iter().filter(|(_, part)| thin(part)).map(|(number, _)| *number).collect();
            if numbers.len() <= THIN_PARTS_MAX {
                continue;
            }
            let mut together: Vec<Part> = Vec::new();
            for number in numbers {
                let Some(part) = self.parts.remove(&number) else { continue };
                for (id, _) in part.of.iter() {
                    if let Some(places) = self.places.get_mut(id) {
                        places.retain(|(of, _)| *of != number);
                    }
                }
                together.push(part);
                if together.iter().map(|part| part.of.len() - part.gone).sum::<usize>() >= PART_ROWS {
                    self.put_together(table, std::mem::take(&mut together)).await?;
                }
            }
            self.put_together(table, together).await?;
        }
        Ok(())
    }

    /// Makes one part of the live rows of some.
    async fn put_together(&mut self, table: usize, parts: Vec<Part>) -> Result<(), Failure> {
        let mut of = Vec::new();
        for part in &parts {
            let live = part.of.iter().zip(part.live.iter()).filter(|(_, live)| **live);
            of.extend(live.map(|(of, _)| of.clone()));
        }
        if of.is_empty() {
            return Ok(());
        }
        let mut rows = GivenRows::none(tables()[table].clone());
        let work = move || {
            for part in parts {
                rows.append(part.rows.unpacked()?.chosen(&part.live)?);
            }
            Rows::new(rows.in_one_piece()?)
        };
        let rows = off_thread(work).await?;
        self.insert(table, rows, of);
        Ok(())
    }

    /// The parts of some tables, unpacked.
    async fn open(&mut self, tables: &[usize]) -> Result<Vec<Shown>, Failure> {
        let now = Instant::now();
        tables.iter().for_each(|table| self.asked[*table] = Some(now));
        let mut opening = Vec::new();
        for (number, part) in self.parts.iter().filter(|(_, part)| tables.contains(&part.table)) {
            if let Rows::Packed(packed, None) = &part.rows {
                let (number, packed) = (*number, packed.clone());
                opening.push(off_thread(move || Ok((number, packed.rows()?))));
            }
        }
        for opened in futures::future::join_all(opening).await {
            let (number, rows) = opened?;
            if let Some(Part { rows: Rows::Packed(_, open), .. }) = self.parts.get_mut(&number) {
                *open = Some(rows);
            }
        }
        let mut shown = Vec::new();
        for part in self.parts.values().filter(|part| tables.contains(&part.table)) {
            let (table, rows) = (part.table, part.rows.unpacked()?);
            shown.push(Shown { table, rows, of: Arc::clone(&part.of), live: Arc::clone(&part.live) });
        }
        Ok(shown)
    }

    /// Drops the unpacked rows of tables that nobody has asked for lately.
    fn close(&mut self) {
        let lately = |asked: &Option<Instant>| asked.is_some_and(|asked| asked.elapsed() < OPEN_TIME);
        let asked: Vec<bool> = self.asked.iter().map(lately).collect();
        for part in self.parts.values_mut().filter(|part| !asked[part.table]) {
            if let Rows::Packed(_, open) = &mut part.rows {
                *open = None;
            }
        }
    }
}

/// What `work` gives, which takes milliseconds: off the threads that answer.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure(ApiError::new(ErrorKind::Unavailable, "The server is stopping."))),
        },
    }
}

/// What of a family is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    All,
    None,
    /// Each row is to be looked at.
    Some,
}

impl View {
    /// The rows of `table` that `sight` sees and that lie below one of the scopes `asked`, if there are any.
    pub(super) fn rows_of(
        &self,
        table: usize,
        sight: &mut Sight,
        asked: Option<&[ResourceId]>,
    ) -> Result<GivenRows, Failure> {
        let mut out = GivenRows::none(tables()[table].clone());
        let mut shares: Vec<Option<Share>> = vec![None; self.families.len()];
        for part in self.parts.iter().filter(|part| part.table == table) {
            let mut keep = part.live.as_ref().clone();
            for ((id, number), keep) in part.of.iter().zip(&mut keep).filter(|(_, keep)| **keep) {
                let family = &self.families[*number as usize];
                let share = *shares[*number as usize].get_or_insert_with(|| family.share(sight, asked));
                *keep = match share {
                    Share::All => true,
                    Share::None => false,
                    Share::Some => {
                        let tree = &sight.map().hierarchy;
                        let wanted =
                            asked.is_none_or(|scopes| scopes.iter().any(|scope| tree.contains(scope, id)));
                        wanted && sight.sees(id, &family.resource_type)
                    }
                };
            }
            let chosen =
                if keep.iter().all(|keep| *keep) { part.rows.clone() } else { part.rows.chosen(&keep)? };
            out.append(chosen);
        }
        Ok(out)
    }
}

impl Family {
    fn share(&self, sight: &Sight, asked: Option<&[ResourceId]>) -> Share {
        let Some(subscription) = &self.subscription else { return Share::Some };
        let tree = &sight.map().hierarchy;
        let of = |scopes: &[ResourceId]| {
            if scopes.iter().any(|scope| tree.contains(scope, subscription)) {
                Share::All
            } else if scopes.iter().any(|scope| scope.is_within(subscription)) {
                Share::Some
            } else {
                Share::None
            }
        };
        let seen = of(&sight.scopes(&format!("{}/read", self.resource_type)));
        match (seen, asked.map_or(Share::All, of)) {
            (Share::None, _) | (_, Share::None) => Share::None,
            (Share::All, Share::All) => Share::All,
            _ => Share::Some,
        }
    }
}
