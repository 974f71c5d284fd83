/** Prints how many requests of each kind a Kafka broker on this machine has answered: one line a kind, as its JMX counters say. */
import com.sun.tools.attach.VirtualMachine;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

public class Requests {
    public static void main(String[] arguments) throws Exception {
        VirtualMachine broker = VirtualMachine.attach(arguments[0]);
        JMXServiceURL address = new JMXServiceURL(broker.startLocalManagementAgent());
        ObjectName counters = new ObjectName("kafka.network:type=RequestMetrics,name=RequestsPerSec,*");
        try (JMXConnector connector = JMXConnectorFactory.connect(address)) {
            MBeanServerConnection connection = connector.getMBeanServerConnection();
            for (ObjectName name : connection.queryNames(counters, null)) {
                Object count = connection.getAttribute(name, "Count");
                System.out.println(name.getKeyProperty("request") + " " + count);
            }
        }
    }
}
