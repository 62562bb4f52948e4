/// Where contexts are kept: `couponctl/contexts` in the user's folder for configuration.
internal import ArgumentParser
internal import CouponCore
internal import FileAccess
internal import Glibc

struct ContextsFile {
    let path: String

    /// - Parameter variables: of the environment.
    init?(_ variables: [String: String]) {
        if let folder = variables["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
            path = folder + "/couponctl/contexts"
        } else if let home = variables["HOME"], home.hasPrefix("/") {
            path = home + "/.config/couponctl/contexts"
        } else {
            return nil
        }
    }

    /// No contexts if there is no file.
    /// - Throws: A usage error that names the file.
    func read() throws -> Contexts {
        let bytes: [UInt8]
        do throws(FileFault) {
            bytes = try FileContents.read(path)
        } catch {
            if error.isAbsence { return Contexts() }
            throw ValidationError("\(path) \(error)")
        }
        do throws(Contexts.Mistake) {
            guard let text = TextFile.text(of: bytes) else {
                throw Contexts.Mistake(description: "it is not UTF-8 text")
            }
            return try Contexts(text)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }

    /// A reader sees the old text or the new one.
    func write(_ contexts: Contexts) throws {
        let folder = path.dropLast("/contexts".count)
        for place in [folder.dropLast("/couponctl".count), folder]
        where unsafe mkdir(String(place), 0o700) != 0 && errno != EEXIST {
            let reason = unsafe String(cString: strerror(errno))
            throw ValidationError("cannot make the folder of \(path): \(reason)")
        }
        do throws(ReplacedFile.Failure) {
            try ReplacedFile(path).replace(by: Array(contexts.text.utf8), mode: 0o600)
        } catch {
            throw ValidationError("cannot \(error.verb) \(path): \(error.reason)")
        }
    }
}
