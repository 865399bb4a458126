//! MNIST, Fashion-MNIST and CIFAR-10 from the data folder, where there is one.

use crate::lab::{Lab, real_data};

fn train(lab: &Lab, folder: &str, dataset: &str) -> f64 {
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--data-dir",
        folder,
        "--set",
        &format!("data.dataset={dataset}"),
        "--set",
        &format!("name={dataset}"),
        "--set",
        "data.train=2000",
        "--set",
        "data.test=500",
        "--set",
        "model.hidden=[64]",
        "--set",
        "data.normalize=standard",
        "--set",
        "data.subset=stratified",
        "--set",
        "hooks=[]",
        "--set",
        "optimizer.learning_rate=0.02",
        "--set",
        "train.epochs=5",
    ])
    .success();
    let rows = lab.rows(&format!("runs/{dataset}/seed-0"));
    let row = rows
        .iter()
        .rfind(|row| row["name"] == "accuracy.test")
        .unwrap();
    row["value"].as_f64().unwrap()
}

#[test]
fn the_readers_feed_a_network_that_learns() {
    let Some(folder) = real_data("the_readers_feed_a_network_that_learns") else {
        return;
    };
    let lab = Lab::new();
    for (dataset, least) in [("mnist", 0.85), ("fashion-mnist", 0.7), ("cifar10", 0.2)] {
        let accuracy = train(&lab, &folder.display().to_string(), dataset);
        assert!(accuracy > least, "{dataset}: {accuracy}");
    }
}
