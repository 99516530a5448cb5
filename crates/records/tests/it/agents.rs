//! Agents: when they were heard of, and which are silent.

use bartizan_base::Ticks;
use bartizan_records::Agent;
use uuid::Uuid;

use crate::{fixture, id};

fn agent(number: u128) -> Agent {
    Agent {
        vm_id: Uuid::from_u128(number),
        machine: id(&format!(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/M{number}"
        )),
        serial: format!("{number}"),
        previous_serial: String::new(),
        enrolled: Ticks(1),
        last_seen: Ticks(1),
        agent_version: "1".to_owned(),
    }
}

#[tokio::test]
async fn the_latest_word_of_an_agent_counts() {
    let f = fixture().await;
    for number in 1..=3 {
        f.records.put_agent(&agent(number)).await.unwrap();
    }
    let [one, two, gone] = [1, 2, 9].map(Uuid::from_u128);
    f.records
        .touch_agents(&[(one, Ticks(50), "2"), (two, Ticks(40), "2"), (gone, Ticks(40), "2")])
        .await
        .unwrap();
    // An older word that was late.
    f.records.touch_agent(one, Ticks(45), "1").await.unwrap();
    let heard = f.records.agent(one).await.unwrap().unwrap();
    assert_eq!((heard.last_seen, heard.agent_version.as_str()), (Ticks(50), "2"));

    let silent = f.records.silent_agents(Ticks(40)).await.unwrap();
    let mut silent: Vec<&str> = silent.iter().map(|machine| machine.name()).collect();
    silent.sort_unstable();
    assert_eq!(silent, ["M2", "M3"], "heard of at the limit is not after it");

    let machine = id("/subscriptions/S/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/m3");
    assert_eq!(f.records.agent_of(&machine).await.unwrap(), Some(agent(3)));
    assert_eq!(f.records.agent_of(&machine.parent().unwrap()).await.unwrap(), None);
}
