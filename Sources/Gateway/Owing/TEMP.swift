import Ground
import Records
extension ControlPlane {
    func records() throws(Fault) -> RecordStore { throw Fault(.precondition, "temp") }
}
