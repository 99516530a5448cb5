//! Requests that many machines make at the same moment, worked on together.
//!
//! After a change that concerns a whole fleet, or a restart of the server, ten thousand machines ask within seconds.
//! Those that wait are taken together (see [`bartizan_records::Together`]). One that comes alone is worked on at once.

use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::Together as Questions;

use crate::http::Failure;

/// Questions `Q` that wait for an answer `A`. Never more than there are requests, whose number the listener bounds.
#[derive(Debug)]
pub(crate) struct Together<Q, A>(Questions<Q, Result<A, Failure>>);

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self(Questions::default())
    }
}

impl<Q: Send + 'static, A: Send + 'static> Together<Q, A> {
    /// The answer to `question`. `work` is given it, maybe with others, and answers all in their order; batches are
    /// worked on one after the other, so that no two see the same thing half done.
    ///
    /// # Errors
    /// What `work` failed with. A failure of a batch is a failure of every question in it.
    pub(crate) async fn ask<W, F>(&self, question: Q, work: W) -> Result<A, Failure>
    where
        W: FnOnce(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = Result<Vec<A>, Failure>> + Send + 'static,
    {
        let questions = self.0.clone();
        let each = async move |asked: Vec<Q>| {
            let many = asked.len();
            Ok::<_, Failure>(match work(asked).await {
                Ok(made) => made.into_iter().map(Ok).collect(),
                Err(failure) => vec![failure; many].into_iter().map(Err).collect(),
            })
        };
        // In a task of its own: who asked first may go away while others wait for the same work.
        match tokio::spawn(async move { questions.ask(question, each).await }).await {
            Ok(Ok(Some(answer))) => answer,
            Ok(Err(failure)) => Err(failure),
            // The work panicked, or answered too few.
            Ok(Ok(None)) | Err(_) => {
                let text = "The server failed to do this. Its log says why.";
                Err(ApiError::new(ErrorKind::Internal, text).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    /// Asks for what was asked, as soon as the gate lets it through; says that the work was begun.
    fn ask(
        together: &Arc<Together<usize, usize>>,
        number: usize,
        gate: &Arc<Semaphore>,
        begun: &Arc<Semaphore>,
    ) -> JoinHandle<Result<usize, Failure>> {
        let (together, gate, begun) = (Arc::clone(together), Arc::clone(gate), Arc::clone(begun));
        tokio::spawn(async move {
            let work = async move |questions: Vec<usize>| {
                begun.add_permits(1);
                gate.acquire().await.expect("never closed").forget();
                assert!(!questions.contains(&7), "seven is bad luck");
                match questions.contains(&5) {
                    true => Err(ApiError::new(ErrorKind::Unavailable, "five").into()),
                    false => Ok(questions),
                }
            };
            together.ask(number, work).await
        })
    }

    #[tokio::test]
    async fn who_goes_away_or_fails_does_not_take_others_along() {
        let together = Arc::default();
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |number| ask(&together, number, &gate, &begun);
        let first = ask(1);
        begun.acquire().await.unwrap().forget();
        // Who works for others goes away; the work goes on.
        first.abort();
        let second = ask(2);
        gate.add_permits(2);
        assert_eq!(second.await.unwrap().unwrap(), 2);
        for (wrong, message) in [(5, "five"), (7, "The server failed")] {
            let bad = ask(wrong);
            gate.add_permits(1);
            assert!(bad.await.unwrap().unwrap_err().0.message.contains(message));
        }
        let last = ask(3);
        gate.add_permits(1);
        assert_eq!(last.await.unwrap().unwrap(), 3);
    }
}
