import Records
import Topology

extension RecordSettings {
    /// What the topology says of a node's store.
    init(_ plan: RecordsPlan, of node: NodePlan) {
        self.init(
            node: node.name, site: node.site ?? "",
            retention: Retention(
                frames: plan.keep.frames, records: plan.keep.records, audit: plan.keep.audit),
            frameBytes: plan.quota, liveBytes: Int(plan.live * Double(plan.quota)))
    }
}
