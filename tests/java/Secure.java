/* SPDX-License-Identifier: MIT */
/*
 * Random numbers from each source, digests, ciphers and signatures, and the
 * authorities that TLS trusts.  A TLS engine is made and says hello, into
 * memory.
 */
import java.nio.ByteBuffer;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.HexFormat;
import java.util.UUID;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public class Secure {
    static void randoms() throws Exception {
        for (String name : new String[] {"NativePRNG", "NativePRNGBlocking",
                                         "NativePRNGNonBlocking", "DRBG", "SHA1PRNG"}) {
            SecureRandom random = SecureRandom.getInstance(name);
            byte[] first = new byte[64], second = new byte[64];
            random.nextBytes(first);
            random.nextBytes(second);
            System.out.println(name + " " + !MessageDigest.isEqual(first, second) + " "
                               + random.generateSeed(8).length);
        }
        System.out.println(new SecureRandom().getAlgorithm() + " "
                           + SecureRandom.getInstanceStrong().getAlgorithm());
        System.out.println(!UUID.randomUUID().equals(UUID.randomUUID()));
    }

    static void ciphers() throws Exception {
        byte[] text = "as on Linux".repeat(1000).getBytes("UTF-8");
        for (String name : new String[] {"MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256"}) {
            byte[] sum = MessageDigest.getInstance(name).digest(text);
            System.out.println(name + " " + HexFormat.of().formatHex(sum, 0, 8));
        }
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(new byte[16], "AES"),
                    new GCMParameterSpec(128, new byte[12]));
        byte[] sealed = cipher.doFinal(text);
        System.out.println("AES " + HexFormat.of().formatHex(sealed, sealed.length - 8,
                                                             sealed.length));
    }

    static void signatures() throws Exception {
        for (String[] names : new String[][] {{"EC", "SHA256withECDSA"}, {"Ed25519", "Ed25519"}}) {
            java.security.KeyPair pair = KeyPairGenerator.getInstance(names[0]).generateKeyPair();
            Signature signature = Signature.getInstance(names[1]);
            signature.initSign(pair.getPrivate());
            signature.update(new byte[100]);
            byte[] signed = signature.sign();
            signature.initVerify(pair.getPublic());
            signature.update(new byte[100]);
            System.out.println(names[1] + " " + signature.verify(signed));
        }
    }

    static void authorities() throws Exception {
        TrustManagerFactory factory =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        int count = ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length;
        System.out.println("authorities: " + count + ", enough: " + (count > 100));
        SSLEngine engine = SSLContext.getDefault().createSSLEngine("example.org", 443);
        engine.setUseClientMode(true);
        ByteBuffer out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        System.out.println("hello: " + engine.wrap(ByteBuffer.allocate(0), out).getStatus() + " "
                           + (out.flip().get(0) == 22 && out.remaining() > 200));
    }

    public static void main(String[] args) throws Exception {
        randoms();
        ciphers();
        signatures();
        authorities();
    }
}
