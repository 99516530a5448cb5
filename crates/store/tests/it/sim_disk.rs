//! A disk in memory that can crash at any step, lose what was not synced, reorder renames, tear the last write, be
//! full, fail now and then, and hang.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bartizan_store::disk::{Disk, DiskFile};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[derive(Clone, Debug)]
pub(crate) struct SimDisk(Arc<Mutex<World>>, Arc<Gate>);

/// While it is shut, no sync returns.
#[derive(Debug, Default)]
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

#[derive(Debug)]
struct World {
    files: BTreeMap<PathBuf, File>,
    /// Removed, but the folder was not synced since: a power cut may bring them back.
    ghosts: BTreeMap<PathBuf, File>,
    steps: u64,
    crash_at: Option<u64>,
    is_dead: bool,
    /// Bytes that can still be written.
    free_bytes: u64,
    /// How often a step fails without the process dying, and the error it fails with.
    failing: (f64, i32),
    rng: StdRng,
    /// Files and folders that were synced so far.
    syncs: u64,
}

#[derive(Clone, Debug, Default)]
struct File {
    data: Vec<u8>,
    synced_len: usize,
    entry_synced: bool,
}

impl SimDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let world = World {
            files: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            steps: 0,
            crash_at: None,
            is_dead: false,
            free_bytes: u64::MAX,
            failing: (0.0, 0),
            rng: StdRng::seed_from_u64(seed),
            syncs: 0,
        };
        Self(Arc::new(Mutex::new(world)), Arc::default())
    }

    /// The step after which nothing works any more.
    pub(crate) fn crash_after(&self, steps: u64) {
        let mut world = self.world();
        world.crash_at = Some(world.steps + steps);
    }

    /// From now on this share of the steps fails with an error number of the system.
    pub(crate) fn fail_writes(&self, share: f64, error: i32) {
        self.world().failing = (share, error);
    }

    /// Whether the disk hangs: reads go on, syncs wait.
    pub(crate) fn hang(&self, hangs: bool) {
        *self.1.shut.lock().unwrap() = hangs;
        self.1.opened.notify_all();
    }

    /// How often something was synced so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.world().syncs
    }

    /// Waits while the disk hangs.
    fn pass(&self) {
        let mut shut = self.1.shut.lock().unwrap();
        while *shut {
            shut = self.1.opened.wait(shut).unwrap();
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.world().is_dead
    }

    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.world().free_bytes = bytes;
    }

    /// The disk as the next process finds it. After a power cut, what was not synced is there in part
    /// or not at all; after a mere kill, everything written is there.
    pub(crate) fn restart(&self, is_power_cut: bool) -> SimDisk {
        let mut world = self.world();
        world.is_dead = true;
        let World { files, ghosts, rng, .. } = &mut *world;
        let mut kept = files.clone();
        if is_power_cut {
            // Entries that were not synced come through in any order or not at all. What a rename replaced is there
            // whenever the rename is not.
            kept.retain(|_, file| file.entry_synced || rng.random());
            for (path, file) in ghosts.iter() {
                if rng.random() || files.contains_key(path) {
                    kept.entry(path.clone()).or_insert_with(|| file.clone());
                }
            }
            for file in kept.values_mut() {
                let len = rng.random_range(file.synced_len..=file.data.len());
                file.data.truncate(len);
            }
        }
        for file in kept.values_mut() {
            file.synced_len = file.data.len();
            file.entry_synced = true;
        }
        let next = SimDisk::new(rng.random());
        next.world().files = kept;
        next
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Counts a step; an error means that the process died before it took effect.
    fn step(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.alive()?;
        world.steps += 1;
        if world.crash_at.is_some_and(|at| world.steps > at) {
            world.is_dead = true;
            return Err(io::Error::other("crashed"));
        }
        let (share, error) = world.failing;
        if share > 0.0 && world.rng.random_bool(share) {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(world)
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.world();
        if world.is_dead { Err(io::Error::other("crashed")) } else { Ok(world) }
    }
}

impl Disk for SimDisk {
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        self.alive().map(drop)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.step()?;
        if world.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.files.insert(path.to_owned(), File::default());
        Ok(Box::new(SimFile { disk: self.clone(), path: path.to_owned() }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.alive()?.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.clone(), path: path.to_owned() }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let world = self.alive()?;
        Ok(world.files.get(path).ok_or(io::ErrorKind::NotFound)?.data.clone())
    }

    /// As on a real disk: the names change, and then both folders are synced; a crash may come between.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let file = world.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        if file.entry_synced {
            world.ghosts.insert(from.to_owned(), file.clone());
        }
        let replaced = world.files.insert(to.to_owned(), File { entry_synced: false, ..file });
        if let Some(replaced) = replaced.filter(|replaced| replaced.entry_synced) {
            world.ghosts.insert(to.to_owned(), replaced);
        }
        drop(world);
        for dir in [to.parent(), from.parent()].into_iter().flatten() {
            self.sync_dir(dir)?;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.alive()?.files.keys().filter(|path| path.starts_with(dir)).cloned().collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let file = world.files.remove(path).ok_or(io::ErrorKind::NotFound)?;
        if file.entry_synced {
            world.ghosts.insert(path.to_owned(), file);
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.pass();
        let mut world = self.step()?;
        world.syncs += 1;
        world.ghosts.retain(|path, _| path.parent() != Some(dir));
        for (path, file) in &mut world.files {
            file.entry_synced |= path.parent() == Some(dir);
        }
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.alive()?.free_bytes)
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
}

impl SimFile {
    fn change<T>(&self, world: &mut World, change: impl FnOnce(&mut File) -> T) -> io::Result<T> {
        Ok(change(world.files.get_mut(&self.path).ok_or(io::ErrorKind::NotFound)?))
    }
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = match self.disk.step() {
            Ok(world) => world,
            Err(error) => {
                // The write was under way: some of it may have come through.
                let mut world = self.disk.world();
                let len = world.rng.random_range(0..=bytes.len());
                self.change(&mut world, |file| file.data.extend(&bytes[..len])).ok();
                return Err(error);
            }
        };
        let fits = bytes.len().min(usize::try_from(world.free_bytes).unwrap_or(usize::MAX));
        world.free_bytes -= fits as u64;
        self.change(&mut world, |file| file.data.extend(&bytes[..fits]))?;
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.pass();
        let mut world = self.disk.step()?;
        world.syncs += 1;
        self.change(&mut world, |file| file.synced_len = file.data.len())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut world = self.disk.step()?;
        self.change(&mut world, |file| {
            file.data.truncate(len as usize);
            file.synced_len = file.synced_len.min(len as usize);
        })
    }
}
