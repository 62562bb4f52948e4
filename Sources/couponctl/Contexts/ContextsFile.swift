/// Where contexts are kept: `couponctl/contexts` in the user's folder for configuration.
internal import ArgumentParser
internal import CouponCore
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
        guard let file = unsafe fopen(path, "re") else {
            if errno == ENOENT || errno == ENOTDIR { return Contexts() }
            throw failure("read")
        }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while case let count = unsafe fread(&part, 1, part.count, file), count > 0 {
            bytes += part.prefix(count)
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
            throw failure("make the folder of")
        }
        do throws(ReplacedFile.Failure) {
            try ReplacedFile(path).replace(by: Array(contexts.text.utf8), mode: 0o600)
        } catch {
            throw ValidationError("cannot \(error.verb) \(path): \(error.reason)")
        }
    }

    private func failure(_ verb: String) -> ValidationError {
        ValidationError("cannot \(verb) \(path): \(unsafe String(cString: strerror(errno)))")
    }
}
